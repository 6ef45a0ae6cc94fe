# SPDX-License-Identifier: Apache-2.0
"""What a start of the node imports, which is most of its time: counted, as times are the machine's."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("openvino", reason="pip install -r tools/requirements/engine.txt is missing")

# What the executable does until the first image, and after each step the names of all modules.
PROGRAM = """
import json, sys
steps = {}
from talk2dino_ros.segmenter import segmenter_main
steps["main"] = sorted(sys.modules)
from talk2dino_ros.segmenter import model_loading, segmenter_node
steps["node"] = sorted(sys.modules)
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
parameters = Parameters(model="mini", device="cpu", input_size=64)
segmenter, _ = model_loading.self_checked(model_loading.load(parameters), parameters, print)
model_loading.warm_up(segmenter, segmenter.encode_vocabulary(["cup", "a word that no cache knows"]))
steps["image"] = sorted(sys.modules)
print(json.dumps(steps))
"""
# A network's builders, compilers and clients: for weights that have to be read, converted, compiled or fetched.
SLOW = ("timm", "torchvision", "transformers", "torch._dynamo", "torch._inductor", "sympy", "triton", "open_clip")
UNUSED = (
    "huggingface_hub",
    "onnx",
    "onnxruntime",
    "matplotlib",
    "pandas",
    "talk2dino_ros.engine.inference.gpu.gpu_path",
)
MOST_MODULES = {"main": 200, "node": 1150, "image": 2600}  # found: 132, 1004, 2440


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """Names of the modules after each step of a start that finds everything in the cache."""
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}
    command = [sys.executable, "-c", PROGRAM]
    runs = [subprocess.run(command, env=environment, check=True, capture_output=True, text=True) for _ in range(2)]
    first, second = (json.loads(run.stdout.splitlines()[-1]) for run in runs)
    assert "timm" in first["image"]  # it had to convert
    return second


@pytest.mark.parametrize("step", MOST_MODULES)
def test_a_start_imports_no_more_than_it_needs(steps, step):
    assert [name for name in (*SLOW, *UNUSED) if name in steps[step]] == []
    assert len(steps[step]) <= MOST_MODULES[step]


def test_what_a_person_waits_for_before_the_first_log_line_needs_no_torch(steps):
    assert [name for name in ("torch", "openvino", "rclpy") if name in steps["main"]] == []
    assert [name for name in ("torch", "openvino") if name in steps["node"]] == []
