// SPDX-License-Identifier: Apache-2.0
#include "talk2dino_bt/go_to.hpp"

#include "geometry_msgs/msg/point_stamped.hpp"
#include "geometry_msgs/msg/pose_stamped.hpp"
#include "talk2dino_msgs/msg/go_to_state.hpp"

namespace talk2dino_bt
{

constexpr std::chrono::seconds kTakenWithin{5};

GoTo::GoTo(const std::string & name, const BT::NodeConfig & config)
: BT::StatefulActionNode(name, config), ros_(config)
{
}

BT::PortsList GoTo::providedPorts()
{
  return {
    BT::InputPort<std::string>("word", "class of the vocabulary, or words to add for the time of the go_to"),
    BT::InputPort<double>("stand_off_m", 0.0, "metres to keep from it; 0: the goal node's own"),
    BT::InputPort<double>("timeout_s", 0.0, "seconds to find it; 0: the goal node's own"),
    BT::InputPort<bool>("keep_looking", true, "the goal follows the object"),
    BT::InputPort<std::string>("action", "goal/go", "name of the action"),
    BT::OutputPort<std::string>("message", "what happens, in a sentence"),
    BT::OutputPort<geometry_msgs::msg::PointStamped>("position", "of the object"),
    BT::OutputPort<geometry_msgs::msg::PoseStamped>("goal", "where the robot stands, or was to"),
  };
}

BT::NodeStatus GoTo::onStart()
{
  const auto action = required<std::string>(*this, "action");
  if (!client_ || action != action_) {
    client_ = rclcpp_action::create_client<Action>(ros_.node, action, ros_.group);
    action_ = action;
  }
  course_ = std::make_shared<Course>();
  is_sent_ = false;
  started_ = std::chrono::steady_clock::now();
  return onRunning();
}

BT::NodeStatus GoTo::onRunning()
{
  ros_.spin();
  const bool is_there = client_->action_server_is_ready();
  if (!is_sent_ && is_there) {
    send();
  }
  if (course_->result) {
    return end(*course_->result);
  }
  if (course_->is_rejected) {
    return fail("the action " + action_ + " does not take the go_to; look at the log of its node");
  }
  const bool is_late = std::chrono::steady_clock::now() - started_ > kTakenWithin;
  if (!course_->handle && is_late) {
    return fail("the action " + action_ + " is not there, or silent; start the node goal, or set the port action");
  }
  if (course_->handle && !is_there) {
    return fail("the action " + action_ + " has gone, as its node has ended");
  }
  setOutput("message", course_->message);
  return BT::NodeStatus::RUNNING;
}

void GoTo::onHalted()
{
  if (is_sent_ && !course_->handle && !course_->is_rejected) {
    ros_.wait_for(sent_);  // taken in this moment, it would drive on with nobody to cancel it
  }
  course_->is_halted = true;
  if (course_->handle && !course_->result) {  // rclcpp knows no goal any more that has ended
    ros_.wait_for(client_->async_cancel_goal(course_->handle));  // the process may end after it
  }
}

void GoTo::send()
{
  Action::Goal goal;
  goal.class_name = required<std::string>(*this, "word");
  goal.stand_off_m = static_cast<float>(required<double>(*this, "stand_off_m"));
  goal.timeout_s = static_cast<float>(required<double>(*this, "timeout_s"));
  goal.keep_looking = required<bool>(*this, "keep_looking");
  rclcpp_action::Client<Action>::SendGoalOptions options;
  options.goal_response_callback = [course = course_, client = client_](const Handle::SharedPtr & handle) {
      course->is_rejected = !handle;
      course->handle = handle;
      if (handle && course->is_halted) {  // later than it was waited for
        client->async_cancel_goal(handle);
      }
    };
  options.feedback_callback = [course = course_](
    const Handle::SharedPtr &, const std::shared_ptr<const Action::Feedback> & feedback) {
      course->message = feedback->message;
    };
  options.result_callback = [course = course_](const Handle::WrappedResult & result) {
      course->result = std::make_shared<Handle::WrappedResult>(result);
    };
  sent_ = client_->async_send_goal(goal, options);
  is_sent_ = true;
}

BT::NodeStatus GoTo::fail(const std::string & message)
{
  course_->is_halted = true;
  setOutput("message", message);
  return BT::NodeStatus::FAILURE;
}

BT::NodeStatus GoTo::end(const Handle::WrappedResult & result)
{
  setOutput("message", result.result->message);
  setOutput("position", result.result->position);
  setOutput("goal", result.result->goal);
  const bool is_reached = result.result->state.value == talk2dino_msgs::msg::GoToState::REACHED;
  return is_reached ? BT::NodeStatus::SUCCESS : BT::NodeStatus::FAILURE;
}

}  // namespace talk2dino_bt
