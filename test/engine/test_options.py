# SPDX-License-Identifier: Apache-2.0
from dataclasses import fields

import pytest

from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.options import Options, changed_options, options_of
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


def test_the_default_options_are_the_documented_ones():
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


def test_load_segmenter_takes_options_by_name():
    asked = load_segmenter(
        "mini", device="cpu", backend="torch", input="slide", refine="pamr", background=0.55, unlabeled_id=0
    ).options
    assert asked == Options(input="slide", refine="pamr", background=0.55, unlabeled_id=0)


def test_a_misspelt_option_is_refused_with_the_known_names():
    said = "'refien' is not an option, expected device, precision, .*input, refine, .*; correct the name"
    with pytest.raises(ModelError, match=said):
        load_segmenter("mini", device="cpu", backend="torch", refien="pamr")
    with pytest.raises(ModelError, match=r"'refien', 'inptu' is not an option, expected input, refine, "):
        changed_options(Options(), {"refien": "pamr", "inptu": "slide"})


def test_with_options_refuses_a_misspelt_option_too():
    with pytest.raises(ModelError, match="'refien' is not an option"):
        load_segmenter("mini", device="cpu", backend="torch").with_options(refien="pamr")


def test_changed_options_leave_the_others_as_they_are():
    assert changed_options(Options(input="slide"), {"refine": "pamr"}) == Options(input="slide", refine="pamr")


def test_the_options_of_an_object_are_those_of_its_attributes_that_are_options():
    class Arguments:
        input, refine_pixels, model = "slide", 100, "mini"

    assert options_of(Arguments()) == {"input": "slide", "refine_pixels": 100}


def test_the_node_has_a_parameter_for_each_option_but_those_of_evaluation_and_self_check():
    names = {field.name for field in fields(Options)}
    assert names - FIELDS.keys() == {"window_share", "resize", "window_scores", "plain_stages"}
