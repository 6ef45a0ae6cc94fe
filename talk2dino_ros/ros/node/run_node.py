# SPDX-License-Identifier: Apache-2.0
"""Entry point of this package's executables: start a lifecycle node, spin it, and exit with its code."""

from __future__ import annotations

import ctypes
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, Protocol

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.ros.missing_package import REMEDIES, missing_package
from talk2dino_ros.ros.node.shutdown import ShutdownHandler
from talk2dino_ros.ros.parameters.parameter_files import check_arguments
from talk2dino_ros.ros.parameters.parameter_set import fields_of
from talk2dino_ros.ros.security.secured import secured_start
from talk2dino_ros.ros.shared_memory.abandoned_segments import remove_abandoned

if TYPE_CHECKING:
    from talk2dino_ros.ros.node.managed_node import ManagedNode
    from talk2dino_ros.ros.parameters.parameter_set import NodeValues

M_ARENA_MAX = -8  # of glibc's malloc.h


class NodeType(Protocol):
    """The class of a node, and the table of its parameters."""

    PARAMETERS: type[NodeValues]

    def __call__(self) -> ManagedNode:
        """Make the node."""


class StartError(Talk2DinoError):
    """The node cannot start in this environment."""


def run_node(name: str, import_node: Callable[[], NodeType], args: list[str] | None) -> NoReturn:
    """Run a node until it is shut down; then end the process with 0, or with 1 where the start failed.

    name: what error messages begin with. import_node: imports and returns the node's class, which is what needs ROS.
    """
    shutdown = ShutdownHandler(name)
    share_one_heap()
    code = 1
    try:
        code = _serve(name, _node_type(import_node), args, shutdown)
    except Talk2DinoError as error:
        print(f"{name}: {error}", file=sys.stderr, flush=True)  # before DDS is taken down, which can take its time
    except BaseException:
        if not shutdown.is_asked:  # what fails because the process ends is not reported
            traceback.print_exc()
    shutdown.end(code)


def share_one_heap() -> None:
    """Let all threads take memory from one heap; without effect where there are several already, or no glibc.

    glibc gives threads heaps of their own, up to eight for each core, and what is free at the end of one of those it
    keeps, whatever malloc_trim is told: tens of megabytes in each that a worker's thread has once had.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)


def _serve(name: str, node_type: NodeType, args: list[str] | None, shutdown: ShutdownHandler) -> int:
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    from talk2dino_ros.ros.node.enduring_executor import EnduringExecutor
    from talk2dino_ros.ros.node.ros_context import arguments_for_log, init_ros

    check_arguments(sys.argv if args is None else args, name, fields_of(node_type.PARAMETERS))
    arguments, log_problem = arguments_for_log(args)
    with secured_start(args):
        init_ros(lambda: rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO))
        shutdown.before_exit = rclpy.try_shutdown
        node = node_type()
    if log_problem:
        node.get_logger().warning(log_problem)
    if (removed := remove_abandoned()).segments:
        node.get_logger().info(str(removed))
    shutdown.before_exit = lambda: _leave_ros(node)
    executor = EnduringExecutor(node.note_fault, node.requests)
    executor.add_node(node)
    if node.autostart and not node.start():
        return 1
    shutdown.wake = lambda: executor.create_task(lambda: None)
    while not shutdown.is_asked:
        executor.spin_once()
    executor.drop_round()
    return 0


def _leave_ros(node: ManagedNode) -> None:
    import rclpy

    node.before_exit()
    node.destroy_node()
    rclpy.try_shutdown()


def _node_type(import_node: Callable[[], NodeType]) -> NodeType:
    with needed_packages():
        return import_node()


@contextmanager
def needed_packages(remedies: Mapping[str, str] = REMEDIES) -> Iterator[None]:
    """Raise StartError where what is imported inside lacks a package, with one sentence that names it.

    remedies: see `missing_package`.
    """
    try:
        yield
    except ImportError as error:
        if not (sentence := missing_package(error, remedies)):
            raise
        raise StartError(sentence) from error
