# SPDX-License-Identifier: Apache-2.0
"""The SROS 2 policies of security/ permit what the three nodes do while they run, and nothing else."""

import pytest
from node_process import NodeProcess
from rclpy.node import Node

from tools.security_policies import ALL_NODES, FOLDER, NODES, policies, rights_in_graph, whole_graph


@pytest.mark.slow
def test_the_policies_are_those_of_the_running_nodes(context, tmp_path):
    processes = [
        NodeProcess(
            [*ALL_NODES, *(each.format(folder=tmp_path / "memory") for each in parameters)], "/robot", log, module
        )
        for file, (_name, module, parameters) in NODES.items()
        for log in [tmp_path / f"{file}.txt"]
    ]
    observer = Node("observer", context=context, namespace="/robot")
    texts = policies(whole_graph(observer, "/robot"), rights_in_graph(observer, "observer", "/robot"))
    observer.destroy_node()
    for process in processes:
        process.stop()
    committed = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.xml")}
    assert committed == texts, "run python3 -m tools.security_policies"
