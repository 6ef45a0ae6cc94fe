// SPDX-License-Identifier: Apache-2.0
// Run a tree from a file: `ros2 run talk2dino_bt run_tree TREE.xml`. Exit code 0: the tree has succeeded.
#include <chrono>
#include <csignal>
#include <iostream>
#include <thread>

#include "behaviortree_cpp/bt_factory.h"
#include "rclcpp/rclcpp.hpp"

namespace
{
volatile std::sig_atomic_t is_asked_to_end = 0;
}

int main(int argc, char ** argv)
{
  // Not rclcpp's own handlers, which take ROS down before a go_to can be cancelled.
  rclcpp::init(argc, argv, rclcpp::InitOptions(), rclcpp::SignalHandlerOptions::None);
  for (const int number : {SIGINT, SIGTERM}) {
    std::signal(number, [](int) {is_asked_to_end = 1;});
  }
  const auto arguments = rclcpp::remove_ros_arguments(argc, argv);
  if (arguments.size() != 2) {
    std::cerr << "run_tree: expected one file with a tree; name it" << std::endl;
    return 2;
  }
  try {
    const auto node = std::make_shared<rclcpp::Node>("tree");
    BT::BehaviorTreeFactory factory;
    factory.registerFromPlugin("libtalk2dino_bt_nodes.so");
    const auto blackboard = BT::Blackboard::create();
    blackboard->set("node", node);
    auto tree = factory.createTreeFromFile(arguments[1], blackboard);
    auto status = BT::NodeStatus::RUNNING;
    while (!is_asked_to_end && status == BT::NodeStatus::RUNNING) {
      status = tree.tickOnce();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    tree.haltTree();  // cancels a go_to that is under way
    std::string message;
    if (blackboard->get("message", message)) {
      std::cout << message << std::endl;
    }
    std::cout << BT::toStr(status) << std::endl;
    return status == BT::NodeStatus::SUCCESS ? 0 : 1;
  } catch (const std::exception & error) {
    std::cerr << "run_tree: " << error.what() << std::endl;
    return 2;
  }
}
