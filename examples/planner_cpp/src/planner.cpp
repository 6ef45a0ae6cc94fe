// SPDX-License-Identifier: Apache-2.0
// Go to the largest object of a name: `planner --ros-args -p class_name:=door`.
#include <cmath>
#include <rclcpp/rclcpp.hpp>
#include <talk2dino_msgs/msg/tracked_object_array.hpp>
#include <talk2dino_msgs/srv/go_to.hpp>

using GoTo = talk2dino_msgs::srv::GoTo;
using Objects = talk2dino_msgs::msg::TrackedObjectArray;

int main(int argc, char ** argv)
{
  rclcpp::init(argc, argv);
  const auto node = std::make_shared<rclcpp::Node>("planner");
  const auto name = node->declare_parameter<std::string>("class_name", "door");
  const auto client = node->create_client<GoTo>("goal/go_to");
  uint32_t chosen = 0;
  auto report = [&](rclcpp::Client<GoTo>::SharedFuture future) {
      const auto answer = future.get();
      const auto & goal = answer->goal.pose.position;
      RCLCPP_INFO(node->get_logger(), "%s (%.2f, %.2f)", answer->message.c_str(), goal.x, goal.y);
      if (!answer->success) {chosen = 0;}  // the next message tries again
    };
  auto choose = [&](Objects::ConstSharedPtr message) {
      auto request = std::make_shared<GoTo::Request>();
      double largest = 0.0;
      for (const auto & object : message->objects) {
        const double size = std::hypot(object.extent.x, object.extent.y, object.extent.z);
        const bool is_sure = object.state == object.CONFIRMED && object.has_position;
        if (object.class_name == name && is_sure && size > largest) {
          largest = size;
          request->id = object.id;
        }
      }
      const bool is_new = request->id != 0 && request->id != chosen;
      if (!is_new || !client->service_is_ready()) {return;}
      chosen = request->id;
      request->class_name = name;
      request->which = GoTo::Request::BY_ID;
      client->async_send_request(request, report);
    };
  const auto subscription = node->create_subscription<Objects>("talk2dino/objects", 10, choose);
  rclcpp::spin(node);
  rclcpp::shutdown();
}
