# SPDX-License-Identifier: Apache-2.0
# For the examples' test where no rclcpp is: the wheels of ROS 2 have rcl, and no C++ client library on it.
include(CMakeFindDependencyMacro)
find_dependency(rcl)
find_dependency(rosidl_runtime_cpp)
find_dependency(rosidl_typesupport_cpp)
if(NOT TARGET rclcpp::rclcpp)
  add_library(rclcpp::rclcpp INTERFACE IMPORTED)
  target_include_directories(rclcpp::rclcpp INTERFACE "${CMAKE_CURRENT_LIST_DIR}/include")
  # The wheel of rcl names libraries for Python too, which only a running Python completes.
  target_link_options(rclcpp::rclcpp INTERFACE "LINKER:--as-needed,--allow-shlib-undefined,--export-dynamic")
  target_link_libraries(rclcpp::rclcpp INTERFACE rcl::rcl rosidl_typesupport_cpp::rosidl_typesupport_cpp)
endif()
