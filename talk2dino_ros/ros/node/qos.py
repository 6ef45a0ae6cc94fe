# SPDX-License-Identifier: Apache-2.0
"""QoS profiles of this package's topics."""

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

RELIABLE = QoSProfile(depth=1, history=HistoryPolicy.KEEP_LAST, reliability=ReliabilityPolicy.RELIABLE)
SENSOR_DATA = QoSProfile(depth=1, history=HistoryPolicy.KEEP_LAST, reliability=ReliabilityPolicy.BEST_EFFORT)
# For what is matched by stamp: none of those that came while other callbacks ran may be lost.
SENSOR_QUEUE = QoSProfile(depth=10, history=HistoryPolicy.KEEP_LAST, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
# Of services: rclpy's default of 10 would lose the eleventh request that comes while the first is answered, unanswered.
REQUESTS_QOS = QoSProfile(depth=1000)  # as of rclpy's own parameter services
# Of an action's status, which tells of all goals: how one went over into another is in all of them together.
STATUSES = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
