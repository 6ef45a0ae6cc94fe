# SPDX-License-Identifier: Apache-2.0
"""What a problem was recorded with is read as it was written, and what is damaged is told."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest

from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.ros.bags.bag_topics import CameraTopics
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
from talk2dino_ros.segmenter.problem.problem_description import read_description, write_description
from talk2dino_ros.segmenter.problem.problem_folder import DESCRIPTION, ProblemError

CAMERAS = {"front": CameraTopics("/front/image", "/front/depth", "/front/camera_info")}
VALUES = {
    "model": "mini",
    "vocabulary": ("cup: cup, mug", "!wall", "no", "0x1F", "Tür\n'\"\\: #"),
    "background": 0.0,
    "min_area_share": 1e-05,
    "cameras": ("front",),
    "overlay": False,
    "weights_dir": "y",
    "unlabeled_id": 0,
}


@pytest.fixture
def folder(tmp_path):
    words = Vocabulary.from_embeddings(["cup", "!wall", "?dog"], np.eye(3)).with_ids((7, 255, 9), 123)
    actives = [
        (5, SimpleNamespace(parameters=Parameters(**VALUES), vocabulary=words)),
        (9, SimpleNamespace(parameters=Parameters(), vocabulary=words.with_background("rest", 3))),
    ]
    write_description(tmp_path, "/robot/talk2dino", CAMERAS, actives, {"why": "asked", "errors": []})
    return tmp_path


def test_what_was_written_is_read(folder):
    problem = read_description(folder)
    assert (problem.node, problem.cameras, problem.about["why"]) == ("/robot/talk2dino", CAMERAS, "asked")
    first, second = problem.configurations
    assert (first.from_ns, second.from_ns) == (5, 9)
    assert first.parameters == Parameters(**VALUES)
    assert second.parameters == Parameters()
    assert (first.vocabulary.ids, first.vocabulary.version) == ((7, 255, 9), 123)
    assert np.array_equal(first.vocabulary.embeddings, np.eye(3, dtype=np.float32))
    assert (first.vocabulary.background_id, second.vocabulary.background_id) == (None, 3)
    assert second.vocabulary.background_class == "rest"


def test_every_parameter_is_in_the_file_and_the_file_is_one_of_ros(folder):
    yaml = pytest.importorskip("yaml")
    values = yaml.safe_load((folder / "parameters_0.yaml").read_text())["talk2dino"]["ros__parameters"]
    assert set(values) == {field.name for field in dataclasses.fields(Parameters)}
    assert values["vocabulary"] == list(VALUES["vocabulary"])


@pytest.mark.parametrize(
    "change",
    [
        {"format": "another"},
        {"configurations": []},
        {"cameras": {"front": {"image": 1}}},
        {"cameras": []},
        {"configurations": [{"from_ns": 1, "parameters": "../secret.yaml", "vocabulary": "v"}]},
        {"configurations": [{"from_ns": 1, "parameters": "none.yaml", "vocabulary": "v"}]},
        {"configurations": [{}]},
        {"configurations": 3},
    ],
)
def test_a_damaged_description_is_told_in_one_sentence(folder, change):
    content = json.loads((folder / DESCRIPTION).read_text())
    (folder / DESCRIPTION).write_text(json.dumps({**content, **change}))
    with pytest.raises(ProblemError, match=r"problem\.json cannot be read as the description of a problem \(") as told:
        read_description(folder)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"format": "talk2dino problem 1"}', "\xff"])
def test_what_is_no_description_is_told(tmp_path, text):
    (tmp_path / DESCRIPTION).write_bytes(text.encode("latin-1"))
    with pytest.raises(ProblemError, match="cannot be read as the description of a problem"):
        read_description(tmp_path)
