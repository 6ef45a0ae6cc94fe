// SPDX-License-Identifier: Apache-2.0
// As much of rclcpp's interface as examples/ uses, on rcl: one node, subscriptions, clients, one string per parameter.
#pragma once

#include <csignal>
#include <cstdio>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <rcl/error_handling.h>
#include <rcl/graph.h>
#include <rcl/rcl.h>
#include <rcl_yaml_param_parser/parser.h>
#include <rosidl_typesupport_cpp/message_type_support.hpp>
#include <rosidl_typesupport_cpp/service_type_support.hpp>

#define RCLCPP_INFO(logger, ...) \
  do { \
    std::fprintf(stderr, "[INFO] [%s]: ", (logger).c_str()); \
    std::fprintf(stderr, __VA_ARGS__); \
    std::fputc('\n', stderr); \
  } while (false)

// The wheel of rcl loads libraries that are made for Python, and these variables of it have to be found. None is used.
extern "C" {
[[gnu::used]] inline void * PyExc_RuntimeError = nullptr;
[[gnu::used]] inline void * _Py_TrueStruct[8] = {};
}

namespace rclcpp
{

inline rcl_context_t global_context = rcl_get_zero_initialized_context();
inline volatile std::sig_atomic_t is_interrupted = 0;

inline void require(rcl_ret_t code)
{
  if (code != RCL_RET_OK) {throw std::runtime_error(rcl_get_error_string().str);}
}

inline void init(int argc, char ** argv)
{
  auto options = rcl_get_zero_initialized_init_options();
  require(rcl_init_options_init(&options, rcl_get_default_allocator()));
  require(rcl_init(argc, argv, &options, &global_context));
  require(rcl_init_options_fini(&options));
  std::signal(SIGINT, [](int) {is_interrupted = 1;});
}

inline void shutdown() {require(rcl_shutdown(&global_context));}

// What a node waits for.
struct Waitable
{
  virtual ~Waitable() = default;
  virtual void add_to(rcl_wait_set_t & set) = 0;
  virtual void take() = 0;
};

template<typename Message>
struct Subscription : Waitable
{
  using SharedPtr = std::shared_ptr<Subscription>;
  rcl_subscription_t handle = rcl_get_zero_initialized_subscription();
  std::function<void (std::shared_ptr<const Message>)> callback;

  void add_to(rcl_wait_set_t & set) override {require(rcl_wait_set_add_subscription(&set, &handle, nullptr));}
  void take() override
  {
    const auto message = std::make_shared<Message>();
    if (rcl_take(&handle, message.get(), nullptr, nullptr) == RCL_RET_OK) {callback(message);}
  }
};

template<typename Service>
struct Client : Waitable
{
  using SharedPtr = std::shared_ptr<Client>;
  using Response = typename Service::Response;
  using SharedFuture = std::shared_future<std::shared_ptr<Response>>;
  rcl_client_t handle = rcl_get_zero_initialized_client();
  const rcl_node_t * node = nullptr;
  std::function<void (SharedFuture)> callback;

  bool service_is_ready() const
  {
    bool is_ready = false;
    require(rcl_service_server_is_available(node, &handle, &is_ready));
    return is_ready;
  }
  void async_send_request(std::shared_ptr<typename Service::Request> request, std::function<void (SharedFuture)> answer)
  {
    int64_t number = 0;
    callback = std::move(answer);
    require(rcl_send_request(&handle, request.get(), &number));
  }
  void add_to(rcl_wait_set_t & set) override {require(rcl_wait_set_add_client(&set, &handle, nullptr));}
  void take() override
  {
    rmw_request_id_t header{};
    std::promise<std::shared_ptr<Response>> promise;
    const auto response = std::make_shared<Response>();
    if (rcl_take_response(&handle, &header, response.get()) != RCL_RET_OK) {return;}
    promise.set_value(response);
    callback(promise.get_future().share());
  }
};

class Node
{
public:
  using SharedPtr = std::shared_ptr<Node>;

  explicit Node(std::string name)
  : name_(std::move(name))
  {
    const auto options = rcl_node_get_default_options();
    require(rcl_node_init(&handle_, name_.c_str(), "", &global_context, &options));
  }

  std::string get_logger() const {return name_;}

  template<typename Value>
  Value declare_parameter(const std::string & name, const Value & otherwise)
  {
    rcl_params_t * given = nullptr;
    require(rcl_arguments_get_param_overrides(&global_context.global_arguments, &given));
    if (given == nullptr) {return otherwise;}
    const auto * value = rcl_yaml_node_struct_get("/**", name.c_str(), given);
    const Value found = value->string_value ? value->string_value : otherwise;
    rcl_yaml_node_struct_fini(given);
    return found;
  }

  template<typename Message>
  typename Subscription<Message>::SharedPtr create_subscription(
    const std::string & topic, size_t depth, std::function<void (std::shared_ptr<const Message>)> callback)
  {
    const auto made = std::make_shared<Subscription<Message>>();
    auto options = rcl_subscription_get_default_options();
    options.qos.depth = depth;
    made->callback = std::move(callback);
    require(
      rcl_subscription_init(
        &made->handle, &handle_, rosidl_typesupport_cpp::get_message_type_support_handle<Message>(), topic.c_str(),
        &options));
    subscriptions.push_back(made);
    return made;
  }

  template<typename Service>
  typename Client<Service>::SharedPtr create_client(const std::string & name)
  {
    const auto made = std::make_shared<Client<Service>>();
    const auto options = rcl_client_get_default_options();
    made->node = &handle_;
    require(
      rcl_client_init(
        &made->handle, &handle_, rosidl_typesupport_cpp::get_service_type_support_handle<Service>(), name.c_str(),
        &options));
    clients.push_back(made);
    return made;
  }

  std::vector<std::shared_ptr<Waitable>> subscriptions, clients;

private:
  std::string name_;
  rcl_node_t handle_ = rcl_get_zero_initialized_node();
};

inline void spin(const Node::SharedPtr & node)
{
  auto set = rcl_get_zero_initialized_wait_set();
  require(
    rcl_wait_set_init(
      &set, node->subscriptions.size(), 0, 0, node->clients.size(), 0, 0, &global_context, rcl_get_default_allocator()));
  while (!is_interrupted) {
    require(rcl_wait_set_clear(&set));
    for (const auto & each : node->subscriptions) {each->add_to(set);}
    for (const auto & each : node->clients) {each->add_to(set);}
    if (rcl_wait(&set, RCL_MS_TO_NS(50)) != RCL_RET_OK) {
      rcl_reset_error();
      continue;
    }
    for (size_t i = 0; i < set.size_of_subscriptions; ++i) {
      if (set.subscriptions[i]) {node->subscriptions[i]->take();}
    }
    for (size_t i = 0; i < set.size_of_clients; ++i) {
      if (set.clients[i]) {node->clients[i]->take();}
    }
  }
}

}  // namespace rclcpp
