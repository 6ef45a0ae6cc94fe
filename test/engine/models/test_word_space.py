# SPDX-License-Identifier: Apache-2.0
from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.models.registry import find_model
from talk2dino_ros.engine.models.word_space import feature_spaces


def test_the_spaces_of_a_models_files_have_that_of_its_images():
    assert feature_spaces(find_model("mini")) == [load_segmenter("mini", device="cpu").feature_space]


def test_without_the_image_files_there_is_none(tmp_path):
    assert feature_spaces(find_model("talk2dino_vitb"), tmp_path) == []


def test_a_model_with_a_head_has_one_for_each_patch_source(tmp_path):
    model = find_model("dinotxt_vitl")
    for file in model.files:
        if file.role in model.image_roles:
            (tmp_path / file.names[-1].replace("*", "x")).write_bytes(b"weights")
    spaces = feature_spaces(model, tmp_path)
    assert len(set(spaces)) == len(spaces) == 2
