# SPDX-License-Identifier: Apache-2.0
"""A client with a node and a thread of its own, for a program that has no other use of ROS."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from talk2dino_ros.client.client_errors import ClientError
from talk2dino_ros.client.talk2dino_client import Talk2DinoClient
from talk2dino_ros.ros.node.enduring_executor import EnduringExecutor
from talk2dino_ros.ros.node.faults import Faults
from talk2dino_ros.ros.node.ros_context import arguments_for_log, init_ros
from talk2dino_ros.ros.security.secured import secured_start

CANCEL_S = 2.0


@contextmanager
def connected_client(name: str, args: list[str] | None = None, **options: Any) -> Iterator[Talk2DinoClient]:
    """Yield a client on a node of this name, spun in a thread; a go_to that is under way at the end is cancelled.

    args: of ROS, such as `["--ros-args", "-r", "__ns:=/robot"]`; None: the process's own. options: those of
    Talk2DinoClient. Signals stay the program's. Raises StartError where ROS refuses the arguments,
    ClientError for a name that no node can have.
    """
    context = Context()
    arguments, _problem = arguments_for_log(args)
    with secured_start(args):
        init_ros(lambda: rclpy.init(args=arguments, context=context, signal_handler_options=SignalHandlerOptions.NO))
        # without what is offered under the node's own name: SROS 2 has enclaves for clients of any name
        node = Node(name, context=context, enable_rosout=False, start_parameter_services=False)
    try:
        client = Talk2DinoClient(node, **options)
    except ClientError:
        node.destroy_node()
        rclpy.shutdown(context=context)
        raise
    executor = EnduringExecutor(Faults(node.get_logger()).note, context=context)
    executor.add_node(node)
    is_over = threading.Event()
    thread = threading.Thread(target=_spin, args=(executor, is_over), name="client", daemon=True)
    thread.start()
    try:
        try:
            yield client
        finally:
            _cancel(client)
    finally:  # also where a second Ctrl-C ends the waiting of the first
        executor.create_task(is_over.set)
        thread.join()
        client.close()
        executor.drop_round()
        executor.shutdown()
        client.drop()
        node.destroy_node()
        rclpy.shutdown(context=context)


def _spin(executor: EnduringExecutor, is_over: threading.Event) -> None:
    while not is_over.is_set():
        executor.spin_once()


def _cancel(client: Talk2DinoClient) -> None:
    run = client.current_go_to
    if run is not None:
        with suppress(ClientError, FutureTimeoutError):
            run.cancel().result(CANCEL_S)
