// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "rclcpp_action/rclcpp_action.hpp"
#include "talk2dino_bt/ros_part.hpp"
#include "talk2dino_msgs/action/go_to.hpp"

namespace talk2dino_bt
{

/// Action node: go to an object by its word, by the goal node's action; halted, the go_to is cancelled.
///
/// SUCCESS where the robot stands before it; FAILURE otherwise, with the sentence in `message`.
class GoTo : public BT::StatefulActionNode
{
public:
  GoTo(const std::string & name, const BT::NodeConfig & config);
  static BT::PortsList providedPorts();

  BT::NodeStatus onStart() override;
  BT::NodeStatus onRunning() override;
  void onHalted() override;

private:
  using Action = talk2dino_msgs::action::GoTo;
  using Handle = rclcpp_action::ClientGoalHandle<Action>;

  void send();
  BT::NodeStatus fail(const std::string & message);
  BT::NodeStatus end(const Handle::WrappedResult & result);

  RosPart ros_;
  std::string action_;
  rclcpp_action::Client<Action>::SharedPtr client_;
  bool is_sent_ = false;
  std::shared_future<Handle::SharedPtr> sent_;
  std::chrono::steady_clock::time_point started_;
  // Of the present go_to alone: what comes late of an earlier one finds no owner.
  struct Course
  {
    bool is_halted = false;
    bool is_rejected = false;
    Handle::SharedPtr handle;
    std::shared_ptr<Handle::WrappedResult> result;
    std::string message;
  };
  std::shared_ptr<Course> course_;
};

}  // namespace talk2dino_bt
