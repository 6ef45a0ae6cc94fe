# SPDX-License-Identifier: Apache-2.0
"""OpenVINO's telemetry never sends, and a package that is not there is said."""

import os
import subprocess
import sys

import pytest

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.runtime import openvino_library

pytest.importorskip("openvino", reason="pip install -r tools/requirements/engine.txt is missing")

# A conversion as the engine does it, where each attempt to reach another machine is counted. Telemetry sends from a
# process that a thread starts; Python waits for the thread at the end.
CONVERT = """
import atexit, multiprocessing.process, socket
CALL

reached = []
def refuse(*arguments, **_options):
    reached.append(arguments)
    raise OSError("there is no network in this test")
socket.getaddrinfo = socket.create_connection = socket.socket.connect = refuse
multiprocessing.process.BaseProcess.start = refuse
atexit.register(lambda: print("reached", len(reached)))

import torch
from talk2dino_ros.engine.models.vit import ImageFeatures
from talk2dino_ros.engine.openvino.openvino_blobs import Key
from talk2dino_ros.engine.openvino.openvino_network import convert

class Pooled(torch.nn.Module):
    def forward(self, images, return_attention=False):
        return ImageFeatures(torch.nn.functional.avg_pool2d(images, 4))

    def at_size(self, size):
        return self

with torch.no_grad():
    network, _ = convert(Pooled(), Key(8, 8, False), "fp32")
    print(network(torch.ones(1, 3, 8, 8)).patch_features.sum().item())
"""


def converted(tmp_path, call=""):
    """What a fresh process said that converts, at the home folder of a user whom telemetry does not know."""
    left_out = {"CI", "TF_BUILD", "JENKINS_URL", "PYTHONPATH"}  # in a build service it does not send
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    command = [sys.executable, "-W", "ignore", "-c", CONVERT.replace("CALL", call)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)
    return run.stdout.split("\n")


def test_a_conversion_reaches_for_no_network_and_leaves_no_mark_of_telemetry(tmp_path):
    assert converted(tmp_path) == ["12.0", "reached 0", ""]
    assert not (tmp_path / "intel").exists()


def test_without_the_switch_openvino_reaches_for_the_network(tmp_path):
    """That the test above would see it."""
    said = converted(tmp_path, "import openvino_telemetry")
    assert said[0] == "12.0"
    assert (tmp_path / "intel").exists()
    assert said[1] != "reached 0"


def test_a_missing_package_is_said_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ModelError, match=r"backend is 'openvino' and its Python package cannot .*; `pip install"):
        openvino_library.library()
