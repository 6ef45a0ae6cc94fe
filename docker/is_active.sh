#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Succeed where the node is active: the container's health.
state=$(ros2 lifecycle get "${NODE:-/talk2dino}" 2>&1)
echo "$state"
[[ $state == "active [3]"* ]]
