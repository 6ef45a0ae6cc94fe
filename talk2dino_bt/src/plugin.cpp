// SPDX-License-Identifier: Apache-2.0
#include "behaviortree_cpp/bt_factory.h"
#include "talk2dino_bt/go_to.hpp"
#include "talk2dino_bt/seen.hpp"

BT_REGISTER_NODES(factory)
{
  factory.registerNodeType<talk2dino_bt::GoTo>("GoTo");
  factory.registerNodeType<talk2dino_bt::IsVisible>("IsVisible");
  factory.registerNodeType<talk2dino_bt::Find>("Find");
}
