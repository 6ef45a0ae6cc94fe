# SPDX-License-Identifier: Apache-2.0
"""Have rows of work done by the workers of a Ray cluster, through Ray Data.

A worker that dies is replaced by Ray, and its row done again; so a row's work has to go on from what is there.
"""

import os
import socket
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from talk2dino_ros.engine.errors import ClusterError

LOCAL = "local"  # the address of a cluster that is started on this machine, and ended with the work
CONNECTING_S = 5.0  # how long a cluster has to answer
# Ray Data's messages on the terminal are of its inner life, and the figures that Ray sends home are the user's own.
_QUIET = {"RAY_DATA_LOG_LEVEL": "ERROR", "RAY_USAGE_STATS_ENABLED": "0"}

Row = dict[str, Any]


def done_by_cluster(
    address: str, worker: type, arguments: Callable[[int], tuple[Any, ...]], rows: Sequence[Row], *, most: int = 0
) -> Generator[Row, None, None]:
    """Yield what workers return for rows, in the order in which they are done.

    worker: a class whose instances take a row and return one; it should return errors too, as Ray wraps those that are
    raised into pages. arguments: of its constructor, by the cores that each worker has. address: a cluster's as
    `ray.init` takes it, `auto` for the one that this machine is part of, or `local`. There is a worker a GPU; where the
    cluster has none, one a core; most: no more of them than this, 0: as many as there can be. Raises ClusterError.
    """
    ray = import_ray()
    with _connected(ray, address):
        resources = ray.cluster_resources()
        gpus, cores = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
        workers = max(1, min(gpus or cores, len(rows), most or len(rows)))
        done = ray.data.from_items(list(rows), override_num_blocks=len(rows)).map(
            worker,
            fn_constructor_args=arguments(max(1, cores // workers)),
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_gpus=1 if gpus else 0,
            num_cpus=1,
        )
        try:
            yield from done.iter_rows()
        except ray.exceptions.RayError as error:
            raise ClusterError(
                f"the cluster failed ({str(error).strip().splitlines()[-1]}), expected workers that live until the "
                "end; run the same command again, which continues from here"
            ) from error


def import_ray() -> Any:
    """Return the package ray; raise ClusterError where it is missing."""
    for name, value in _QUIET.items():  # Ray reads them when it is imported
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError as error:
        raise ClusterError(
            f"Ray cannot be imported ({error}), expected it for work on a cluster; pip install 'ray[data]', or leave "
            "--cluster out (in place of `label` there is `segment`)"
        ) from error
    return ray


def _check_listening(address: str) -> None:
    """Raise OSError where nothing listens at HOST:PORT, which Ray itself tries for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), CONNECTING_S).close()


@contextmanager
def _connected(ray: Any, address: str) -> Iterator[None]:
    """Use the cluster that this process is connected to already, or connect for as long as it takes."""
    if ray.is_initialized():
        yield
        return
    try:
        _check_listening(address)
        ray.init(address=address, include_dashboard=False if address == LOCAL else None, logging_level="ERROR")
    except Exception as error:  # Ray raises a plain one where its processes exceed its own time limits
        raise _not_connected(address, error) from error
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False  # there is one already
        yield
    finally:
        ray.shutdown()


def _not_connected(address: str, error: Exception) -> ClusterError:
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    if address == LOCAL:
        return ClusterError(
            f"Ray did not start on this machine ({said}), expected its processes to answer within the time that Ray "
            "gives them, half a minute; run the same command again when the machine is less busy"
        )
    return ClusterError(
        f"the cluster {address!r} cannot be reached ({said}), expected the address of a running Ray cluster that "
        f"answers within half a minute, auto, or {LOCAL}; start one with `ray start --head`"
    )
