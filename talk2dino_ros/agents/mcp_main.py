# SPDX-License-Identifier: Apache-2.0
"""Run the MCP server over stdin and stdout, where nothing but the protocol goes; all else goes to stderr."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from talk2dino_ros.agents.mcp_arguments import DESCRIPTION, add_mcp_arguments, permissions_of
from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.ros.missing_package import REMEDIES
from talk2dino_ros.ros.node.run_node import needed_packages
from talk2dino_ros.ros.node.shutdown import ShutdownHandler

if TYPE_CHECKING:
    from talk2dino_ros.agents.robot_answers import RobotAnswers

NAME = "talk2dino_mcp"
NEEDED = {"mcp": "install it (pip install 'mcp>=2')", "pydantic": "install it (pip install 'mcp>=2')", **REMEDIES}


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Serve until the client goes, or Ctrl-C; `--ros-args` and what follows is ROS's."""
    words = list(sys.argv[1:] if args is None else args)
    cut = words.index("--ros-args") if "--ros-args" in words else len(words)
    parser = argparse.ArgumentParser(prog="mcp", description=DESCRIPTION)
    add_mcp_arguments(parser)
    serve(parser.parse_args(words[:cut]), words[cut:])


def serve(options: argparse.Namespace, ros_arguments: Sequence[str] = ()) -> NoReturn:
    """Serve with these arguments, and end the process: with 1 and a sentence where it cannot start."""
    shutdown = ShutdownHandler("talk2dino mcp")
    try:
        permissions = permissions_of(options)
        make_server = _importing()
    except Talk2DinoError as error:
        _refuse(shutdown, error)

    @asynccontextmanager
    async def lifespan(_server: Any) -> AsyncIterator[RobotAnswers]:
        """Keep the client of the nodes while the server runs: only then may ROS print what it likes."""
        from talk2dino_ros.agents.robot_answers import RobotAnswers
        from talk2dino_ros.client.connected_client import connected_client

        names = {name: getattr(options, name) for name in ("segmenter", "goal", "memory")}
        stack, ending = ExitStack(), threading.Lock()

        def end() -> None:
            """Cancel the go_to that is under way; who comes second, as a signal may, waits until that is done."""
            with ending:
                stack.close()

        try:
            client = stack.enter_context(connected_client(NAME, _for_ros(options, ros_arguments), **names))
        except Talk2DinoError as error:
            _refuse(shutdown, error)
        shutdown.before_exit = end
        try:
            yield RobotAnswers(client)
        finally:
            end()

    try:
        make_server(lifespan, permissions).run("stdio")
    except Exception as error:
        if not _is_of_a_pipe(error):
            raise
    shutdown.end(0)


def _is_of_a_pipe(error: BaseException) -> bool:
    """Tell whether the client reads no more, which anyio's task groups wrap once for each level."""
    parts = getattr(error, "exceptions", ())
    return isinstance(error, BrokenPipeError) or (bool(parts) and all(map(_is_of_a_pipe, parts)))


def _for_ros(options: argparse.Namespace, given: Sequence[str]) -> list[str]:
    arguments = list(given) or ["--ros-args"]
    if options.namespace:
        arguments += ["-r", f"__ns:={options.namespace}"]
    return arguments


def _importing() -> Any:
    """Import what may be missing; raise StartError with the package that is."""
    with needed_packages(NEEDED):
        import rclpy  # noqa: F401, before the server's own, as it is missing more often

        import talk2dino_ros.client.talk2dino_client  # noqa: F401
        from talk2dino_ros.agents.robot_server import make_server
    return make_server


def _refuse(shutdown: ShutdownHandler, error: Talk2DinoError) -> NoReturn:
    print(f"talk2dino mcp: {error}", file=sys.stderr, flush=True)
    shutdown.end(1)


if __name__ == "__main__":
    main()
