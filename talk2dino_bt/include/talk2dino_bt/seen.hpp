// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include "talk2dino_bt/ros_part.hpp"
#include "talk2dino_msgs/msg/point_of_interest_array.hpp"
#include "talk2dino_msgs/msg/tracked_object_array.hpp"

namespace talk2dino_bt
{

/// The newest message of a topic, which is subscribed to from the first `of` on.
template<typename Message>
class Newest
{
public:
  explicit Newest(const BT::NodeConfig & config)
  : ros_(config) {}

  /// Return the newest message of a topic; null before the first, or where it is older than so many seconds.
  std::shared_ptr<const Message> of(const std::string & topic, double max_age_s)
  {
    if (topic != topic_) {
      rclcpp::SubscriptionOptions options;
      options.callback_group = ros_.group;
      newest_.reset();
      topic_ = topic;
      subscription_ = ros_.node->create_subscription<Message>(
        topic, rclcpp::QoS(1), [this](std::shared_ptr<const Message> message, const rclcpp::MessageInfo & info) {
          newest_ = message;
          came_ = std::chrono::steady_clock::now() - age(info);
        }, options);
    }
    ros_.spin();
    const std::chrono::duration<double> age = std::chrono::steady_clock::now() - came_;
    return newest_ && age.count() <= max_age_s ? newest_ : nullptr;
  }

private:
  /// Return how long ago a message was sent: between two ticks, or two drives, it may have waited for long.
  static std::chrono::nanoseconds age(const rclcpp::MessageInfo & info)
  {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const std::chrono::nanoseconds sent(info.get_rmw_message_info().source_timestamp);
    return std::max(std::chrono::duration_cast<std::chrono::nanoseconds>(now) - sent, std::chrono::nanoseconds(0));
  }

  RosPart ros_;
  std::string topic_;
  typename rclcpp::Subscription<Message>::SharedPtr subscription_;
  std::shared_ptr<const Message> newest_;
  std::chrono::steady_clock::time_point came_;
};

/// Condition: whether a word is in the newest image, which is fresh. FAILURE too where no image comes.
class IsVisible : public BT::ConditionNode
{
public:
  IsVisible(const std::string & name, const BT::NodeConfig & config);
  static BT::PortsList providedPorts();
  BT::NodeStatus tick() override;

private:
  Newest<talk2dino_msgs::msg::PointOfInterestArray> points_;
};

/// Action node: wait until a word is a confirmed object with a position; FAILURE after `timeout_s`.
class Find : public BT::StatefulActionNode
{
public:
  Find(const std::string & name, const BT::NodeConfig & config);
  static BT::PortsList providedPorts();
  BT::NodeStatus onStart() override;
  BT::NodeStatus onRunning() override;
  void onHalted() override {}

private:
  Newest<talk2dino_msgs::msg::TrackedObjectArray> objects_;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace talk2dino_bt
