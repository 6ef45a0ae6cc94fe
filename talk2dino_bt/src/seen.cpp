// SPDX-License-Identifier: Apache-2.0
#include "talk2dino_bt/seen.hpp"

#include "geometry_msgs/msg/point_stamped.hpp"

namespace talk2dino_bt
{

IsVisible::IsVisible(const std::string & name, const BT::NodeConfig & config)
: BT::ConditionNode(name, config), points_(config)
{
}

BT::PortsList IsVisible::providedPorts()
{
  return {
    BT::InputPort<std::string>("word", "class of the vocabulary"),
    BT::InputPort<double>("min_confidence", 0.0, "0 to 1; 0.5: another class is as likely"),
    BT::InputPort<double>("max_age_s", 2.0, "seconds since the newest image's result has come"),
    BT::InputPort<std::string>("topic", "talk2dino/points_of_interest", "of the camera"),
  };
}

BT::NodeStatus IsVisible::tick()
{
  const auto word = required<std::string>(*this, "word");
  const auto least = required<double>(*this, "min_confidence");
  const auto points = points_.of(required<std::string>(*this, "topic"), required<double>(*this, "max_age_s"));
  if (points) {
    for (const auto & point : points->points) {
      if (point.class_name == word && point.confidence >= least) {
        return BT::NodeStatus::SUCCESS;
      }
    }
  }
  return BT::NodeStatus::FAILURE;
}

Find::Find(const std::string & name, const BT::NodeConfig & config)
: BT::StatefulActionNode(name, config), objects_(config)
{
}

BT::PortsList Find::providedPorts()
{
  return {
    BT::InputPort<std::string>("word", "class of the vocabulary"),
    BT::InputPort<double>("timeout_s", 30.0, "seconds to wait for it"),
    BT::InputPort<double>("max_age_s", 2.0, "seconds since the newest image's result has come"),
    BT::InputPort<std::string>("topic", "talk2dino/objects", "of the camera"),
    BT::OutputPort<geometry_msgs::msg::PointStamped>("position", "of the first one, confirmed ones come first"),
  };
}

BT::NodeStatus Find::onStart()
{
  started_ = std::chrono::steady_clock::now();
  return onRunning();
}

BT::NodeStatus Find::onRunning()
{
  const auto word = required<std::string>(*this, "word");
  const auto objects = objects_.of(required<std::string>(*this, "topic"), required<double>(*this, "max_age_s"));
  if (objects) {
    for (const auto & object : objects->objects) {
      if (object.class_name == word && object.has_position && object.state == object.CONFIRMED) {
        geometry_msgs::msg::PointStamped position;
        position.header = objects->header;
        position.point = object.position;
        setOutput("position", position);
        return BT::NodeStatus::SUCCESS;
      }
    }
  }
  const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - started_;
  return waited.count() > required<double>(*this, "timeout_s") ? BT::NodeStatus::FAILURE : BT::NodeStatus::RUNNING;
}

}  // namespace talk2dino_bt
