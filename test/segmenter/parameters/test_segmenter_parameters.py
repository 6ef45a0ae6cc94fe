# SPDX-License-Identifier: Apache-2.0
"""The table of parameters: ranges, what is live, and what the node declares of it."""

import dataclasses
import inspect
import math

import pytest

from talk2dino_ros.engine.options import Options
from talk2dino_ros.perception.points_of_interest import find_points
from talk2dino_ros.ros.parameters.parameter_set import ParameterError
from talk2dino_ros.segmenter.parameters import segmenter_parameters
from talk2dino_ros.segmenter.parameters.segmentation_parameters import RECOMMENDED
from talk2dino_ros.segmenter.parameters.segmenter_parameters import FIELDS, Parameters, check_changes

LIVE = {
    "input", "refine", "background", "background_cleaning", "min_area_share", "max_points_per_class",
    "overlay", "overlay_alpha", "image_timeout_s", "stage_times", "input_size", "refine_pixels",
    "transform_timeout_s", "depth_slop_s", "depth_wait_s", "camera_info_latest", "image_rectified", "near_m", "far_m",
    "depth_jump_m", "score_smoothing", "stall_timeout_s", "features_rate_hz", "features_encoding",
    "latency_warn_s", "problem_on_error",
}  # fmt: skip


def test_every_parameter_has_a_text_that_ends_a_sentence():
    assert [name for name, field in FIELDS.items() if not field.metadata["text"].endswith(".")] == []


def test_thresholds_refinement_and_overlay_are_live_and_nothing_that_needs_a_reload_is():
    assert {name for name, field in FIELDS.items() if field.metadata["live"]} == LIVE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("precision", "fp64"),
        ("image_reliability", "sometimes"),
        ("input", "circle"),
        ("refine", "crf"),
        ("background", 1.0),
        ("background", -0.5),
        ("background", math.nan),
        ("unlabeled_id", 7),
        ("mask_width", -1),
        ("min_area_share", 1.5),
        ("max_points_per_class", -1),
        ("overlay_alpha", 2.0),
        ("id_quarantine_s", -1.0),
        ("new_reader_pause_s", -0.5),
        ("cameras", ()),
        ("cameras", ("front", "front")),
        ("cameras", ("front", "")),
        ("cameras", ("front camera",)),
        ("cameras", ("front\n",)),
        ("cameras", ("1st",)),
        ("overlay", 1),
        ("background", 0),
        ("weights_dir", None),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_its_parameter(name, value):
    with pytest.raises(ParameterError, match=rf"{name} is .*, expected .*; "):
        Parameters(**{name: value})


def test_an_empty_choice_is_quoted_in_the_error():
    with pytest.raises(ParameterError, match=r"patch_source is 'middle', expected '' or head or backbone; "):
        Parameters(patch_source="middle")


@pytest.mark.parametrize("background", [RECOMMENDED, 0.0, 0.55, 0.999])
def test_thresholds_of_the_papers_scale_off_and_recommended_are_allowed(background):
    assert Parameters(background=background).background == background


@pytest.mark.parametrize("cameras", [("",), ("front",), ("front", "rear_2")])
def test_one_unnamed_camera_or_several_named_ones_are_allowed(cameras):
    assert Parameters(cameras=cameras).cameras == cameras


def test_a_mask_size_needs_both_sides():
    with pytest.raises(ParameterError, match="mask_width is 424 and mask_height is 0"):
        Parameters(mask_width=424)
    assert Parameters(mask_width=424, mask_height=240).mask_height == 240


def test_a_mask_has_no_more_pixels_than_an_image_may_have():
    with pytest.raises(ParameterError, match=r"16384x16384, which are 268435456 pixels, expected at most 50000000"):
        Parameters(mask_width=16384, mask_height=16384)
    assert Parameters(mask_width=16384, mask_height=16384, max_image_pixels=268435456).mask_width == 16384


@pytest.mark.parametrize("value", [1, 1_000_000_000])
def test_pixel_counts_within_the_limits_are_allowed(value):
    assert Parameters(max_image_pixels=value).max_image_pixels == value


@pytest.mark.parametrize(
    ("name", "value"), [("max_image_pixels", 0), ("max_image_pixels", 10**9 + 1), ("image_bits", 7), ("image_bits", 17)]
)
def test_values_beyond_the_limits_are_refused(name, value):
    with pytest.raises(ParameterError, match=f"{name} is {value}, expected"):
        Parameters(**{name: value})


def test_the_engine_knows_every_choice_of_its_options():
    for name in ("input", "refine"):
        for choice in FIELDS[name].metadata["choices"]:
            assert getattr(Options(**{name: choice}), name) == choice


def test_the_points_of_interest_have_the_same_defaults_with_and_without_the_node():
    keywords = inspect.signature(find_points).parameters
    assert keywords["min_area_share"].default == Parameters().min_area_share
    assert keywords["max_per_class"].default == Parameters().max_points_per_class


def test_a_live_parameter_changes_while_configured():
    after = check_changes({"background": 0.5, "refine": "pamr"}, Parameters(), configured=True)
    assert (after.background, after.refine) == (0.5, "pamr")


def test_another_parameter_is_refused_while_configured_with_the_remedy():
    with pytest.raises(ParameterError, match=r"device cannot become 'cpu' while .*: deactivate and clean up"):
        check_changes({"device": "cpu"}, Parameters(), configured=True)


def test_the_refused_vocabulary_names_the_service():
    with pytest.raises(ParameterError, match="call ~/set_vocabulary, or deactivate"):
        check_changes({"vocabulary": ("cup",)}, Parameters(), configured=True)


def test_every_parameter_changes_while_unconfigured():
    assert check_changes({"device": "cpu"}, Parameters(), configured=False).device == "cpu"


def test_setting_a_fixed_parameter_to_what_it_is_changes_nothing_and_is_allowed():
    assert check_changes({"device": "auto"}, Parameters(), configured=True) == Parameters()


def test_parameters_of_other_owners_are_ignored():
    assert check_changes({"use_sim_time": True}, Parameters(), configured=True) == Parameters()


def test_a_refused_change_changes_nothing_of_the_others():
    current = Parameters()
    with pytest.raises(ParameterError, match="overlay_alpha"):
        check_changes({"refine": "pamr", "overlay_alpha": 7.0}, current, configured=True)
    assert current == Parameters()


@pytest.fixture
def make_node():
    """Return a function that makes a node with parameter overrides, as the command line gives them."""
    rclpy = pytest.importorskip("rclpy", reason="rclpy (ROS 2) is not installed")
    context = rclpy.Context()
    rclpy.init(context=context)
    nodes = []

    def make(*overrides: str):
        arguments = [word for override in overrides for word in ("-p", override)]
        node = rclpy.create_node("talk2dino", context=context, cli_args=["--ros-args", *arguments])
        nodes.append(node)
        return node

    yield make
    for node in nodes:
        node.destroy_node()
    rclpy.shutdown(context=context)


def test_a_node_declares_all_parameters_with_their_defaults(make_node):
    node = make_node()
    segmenter_parameters.declare(node)
    assert segmenter_parameters.read(node) == Parameters()


def test_a_node_takes_start_values(make_node):
    node = make_node("cameras:=[front,rear]", "background:=0.5", "compressed:=true")
    segmenter_parameters.declare(node)
    expected = dataclasses.replace(Parameters(), cameras=("front", "rear"), background=0.5, compressed=True)
    assert segmenter_parameters.read(node) == expected


def test_a_start_value_for_a_name_that_does_not_exist_is_a_warning_with_the_likely_one(make_node):
    node = make_node("modle:=mini", "use_sim_time:=true", "overlay:=false")
    assert segmenter_parameters.declare(node) == [
        "the start value for 'modle' has no effect, expected a name such as 'model'; correct or remove it"
    ]


def test_a_node_describes_ranges_and_whether_a_parameter_is_live(make_node):
    node = make_node()
    segmenter_parameters.declare(node)
    alpha, width = node.describe_parameter("overlay_alpha"), node.describe_parameter("mask_width")
    assert (alpha.floating_point_range[0].from_value, alpha.floating_point_range[0].to_value) == (0.0, 1.0)
    assert (width.integer_range[0].from_value, width.integer_range[0].to_value) == (0, 16384)
    assert "can change while running" in alpha.additional_constraints
    assert "needs a reconfigure" in width.additional_constraints
    assert alpha.description == FIELDS["overlay_alpha"].metadata["text"]


@pytest.mark.parametrize(
    "override",
    ["background:=3.0", "background:=1", "model:=5", "vocabulary:=door", "vocabulary:=[]", "mask_width:=-3"],
)
def test_a_wrong_start_value_is_refused_in_one_sentence_with_an_example(make_node, override):
    name = override.split(":=", maxsplit=1)[0]
    with pytest.raises(ParameterError, match=rf"{name} cannot start with its value \(.*\), expected .* such as "):
        segmenter_parameters.declare(make_node(override))


@pytest.mark.parametrize("override", ["refine:=crf", "cameras:=[a, a]", "unlabeled_id:=7"])
def test_a_start_value_that_ranges_cannot_express_is_refused_when_it_is_read(make_node, override):
    node = make_node(override)
    segmenter_parameters.declare(node)
    with pytest.raises(ParameterError, match="expected"):
        segmenter_parameters.read(node)
