# SPDX-License-Identifier: Apache-2.0
"""What a figure was measured on is written with it."""

import json
import platform

import torch

from talk2dino_ros.engine.bench.machine import describe_machine, machine_line


def test_the_machine_is_described_as_other_sources_see_it():
    machine = describe_machine()
    assert machine["python"] == platform.python_version()
    assert machine["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert len(machine["gpus"]) == torch.cuda.device_count()
    assert machine["cores"] >= 1
    assert machine["memory_gib"] > 1
    json.dumps(machine)


def test_one_line_names_processor_versions_and_commit():
    machine = describe_machine() | {"cpu": "An Old Processor", "commit": "0123456789ab+", "gpus": []}
    line = machine_line(machine)
    assert "An Old Processor" in line
    assert f"torch {machine['versions']['torch']}" in line
    assert line.endswith("commit 0123456789ab+")
    assert "\n" not in line
