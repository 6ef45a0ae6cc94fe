// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "behaviortree_cpp/behavior_tree.h"
#include "rclcpp/rclcpp.hpp"

namespace talk2dino_bt
{

/// A tree node's part of ROS: callbacks that run in its ticks, in the thread that ticks.
///
/// The ROS node is what the blackboard has as "node", as in Nav2's trees, subtrees too; whoever spins it does not run these callbacks.
class RosPart
{
public:
  explicit RosPart(const BT::NodeConfig & config)
  {
    if (!config.blackboard->rootBlackboard()->get("node", node) || !node) {
      throw BT::RuntimeError(
        "the blackboard has no 'node', expected a rclcpp::Node::SharedPtr; set it before the tree is made");
    }
    group = node->create_callback_group(rclcpp::CallbackGroupType::MutuallyExclusive, false);
    executor_.add_callback_group(group, node->get_node_base_interface());
  }

  /// Run what has come.
  void spin() {executor_.spin_some();}

  /// Run what comes until a future is there, for a second at most; return whether it is.
  template<typename Future>
  bool wait_for(const Future & future)
  {
    return executor_.spin_until_future_complete(future, std::chrono::seconds(1)) == rclcpp::FutureReturnCode::SUCCESS;
  }

  rclcpp::Node::SharedPtr node;
  rclcpp::CallbackGroup::SharedPtr group;

private:
  rclcpp::executors::SingleThreadedExecutor executor_;
};

/// Return an input that has to be there; throw BT::RuntimeError with its name otherwise.
template<typename T>
T required(const BT::TreeNode & tree_node, const std::string & port)
{
  const auto value = tree_node.getInput<T>(port);
  if (!value) {
    throw BT::RuntimeError(tree_node.name(), ": the port '", port, "' cannot be read (", value.error(), ")");
  }
  return value.value();
}

}  // namespace talk2dino_bt
