#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Give a command ROS 2, the nodes and `talk2dino`, and its signals.
set -e
source "$(dirname "${BASH_SOURCE[0]}")/../.venv/setup.bash"
exec "$@"
