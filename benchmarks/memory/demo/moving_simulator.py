# SPDX-License-Identifier: Apache-2.0
"""Simulator node of the furnished rooms, whose standing boards can be put elsewhere while it runs."""

from __future__ import annotations

import rclpy
from std_srvs.srv import Trigger

from benchmarks.memory.furnished_rooms import furnished
from benchmarks.nav.room import Room
from benchmarks.nav.simulator import Simulator
from talk2dino_ros.ros.node.ros_context import ros_program


class MovingSimulator(Simulator):
    """The same robot in a furnished room. Service: move, puts the standing boards to their second place."""

    def __init__(self) -> None:
        super().__init__(_room_before)
        self.create_service(Trigger, "move", self._on_move)

    def _on_move(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        rooms = furnished(self.seed)
        self.refurnish(rooms.after)
        response.success, response.message = True, f"{' and '.join(rooms.moved)} were moved"
        return response


def _room_before(seed: int) -> Room:
    return furnished(seed).before


def main(args: list[str] | None = None) -> None:
    """Run until interrupted."""
    with ros_program("simulator", args):
        simulator = MovingSimulator()
        while rclpy.ok():
            simulator.step()


if __name__ == "__main__":
    main()
