# SPDX-License-Identifier: Apache-2.0
"""The node memory as a process."""

import pytest
from memory_world import MemoryWorld
from node_process import NodeProcess

MEMORY = "talk2dino_ros.memory.memory_main"


@pytest.fixture(scope="module")
def start_memory(_own_ros_network, tmp_path_factory):
    """Return a function that starts a memory node on a folder; all have to end well."""
    processes = []

    def start(*parameters: str, folder, namespace: str = "/robot") -> NodeProcess:
        log = tmp_path_factory.mktemp("memory") / "log.txt"
        words = (f"folder:={folder}", "map_id:=room", "segmenter_timeout_s:=100.0", *parameters)
        processes.append(NodeProcess(words, namespace, log, MEMORY))
        return processes[-1]

    yield start
    for process in processes:
        process.stop()


@pytest.fixture(scope="module")
def make_world(context):
    """Return a function that makes a world around a memory node."""
    worlds = []

    def make(process, namespace: str = "/robot") -> MemoryWorld:
        worlds.append(MemoryWorld(context, namespace, process))
        return worlds[-1]

    yield make
    for world in worlds:
        world.destroy()
