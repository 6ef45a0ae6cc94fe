# SPDX-License-Identifier: Apache-2.0
import pytest

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.presets import PRESETS
from talk2dino_ros.segmenter.parameters.segmenter_parameters import FIELDS


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"input": "round"}, "input is 'round', expected one of square, slide, aspect"),
        ({"refine": "crf"}, "refine is 'crf', expected one of none, pamr"),
        ({"background": 1.5}, "background is 1.5, expected a score from 0"),
        ({"background": -0.1}, "background is -0.1"),
        ({"unlabeled_id": 256}, r"unlabeled_id is 256, expected 0\.\.255"),
    ],
)
def test_an_option_out_of_range_is_refused(changes, sentence):
    with pytest.raises(ModelError, match=sentence):
        Options(**changes)


def test_the_defaults_are_the_contract():
    assert Options() == Options("square", "none", None, False, 255)


@pytest.mark.parametrize(("name", "value"), [("input_size", -14), ("input_size", 4096), ("refine_pixels", 0)])
def test_sizes_out_of_range_are_refused(name, value):
    with pytest.raises(ModelError, match=f"{name} is {value}, expected .* to "):
        Options(**{name: value})


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_made_of_documented_parameters_and_is_accepted_by_the_engine(name):
    preset = dict(PRESETS[name])
    assert preset.keys() <= FIELDS.keys()
    assert preset.pop("precision", "auto") in FIELDS["precision"].metadata["choices"]
    Options(**preset)
