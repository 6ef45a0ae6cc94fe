# SPDX-License-Identifier: Apache-2.0
"""A lifecycle manager's view: each state, each way between them, and back from a failure."""

import pytest
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from probe import LATCHED, checkerboard, find, stamp_ns
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool
from talk2dino_msgs.srv import GetVocabulary, SetVocabulary
from vision_msgs.msg import LabelInfo


@pytest.fixture(scope="module")
def process(start_node):
    return start_node("model:=mini", "vocabulary:=[cup, dog]", "background:=0.0", "autostart:=false")


@pytest.fixture(scope="module")
def probe(process, make_probe):
    return make_probe(process)


def change(probe, transition: int) -> bool:
    return probe.call(ChangeState, "talk2dino/change_state", transition=Transition(id=transition)).success


def state(probe) -> int:
    return probe.call(GetState, "talk2dino/get_state").current_state.id


@pytest.fixture
def unconfigured(probe):
    """The probe, with the node brought back to unconfigured whatever the test before left."""
    if state(probe) == State.PRIMARY_STATE_ACTIVE:
        assert change(probe, Transition.TRANSITION_DEACTIVATE)
    if state(probe) == State.PRIMARY_STATE_INACTIVE:
        assert change(probe, Transition.TRANSITION_CLEANUP)
    assert state(probe) == State.PRIMARY_STATE_UNCONFIGURED
    return probe


@pytest.fixture
def inactive(probe):
    if state(probe) == State.PRIMARY_STATE_ACTIVE:
        assert change(probe, Transition.TRANSITION_DEACTIVATE)
    if state(probe) == State.PRIMARY_STATE_UNCONFIGURED:
        assert change(probe, Transition.TRANSITION_CONFIGURE)
    assert state(probe) == State.PRIMARY_STATE_INACTIVE
    return probe


@pytest.fixture
def active(inactive):
    assert change(inactive, Transition.TRANSITION_ACTIVATE)
    inactive.wait_until_active()
    return inactive


def topics(probe) -> set[str]:
    """The node's topics of cameras."""
    published = probe.node.get_publisher_names_and_types_by_node("talk2dino", "/robot")
    return {name for name, _ in published if name.startswith("/robot/talk2dino/")} - {
        "/robot/talk2dino/transition_event"
    }


def test_before_configure_the_services_ask_to_configure_the_node(unconfigured):
    reply = unconfigured.call(SetVocabulary, "talk2dino/set_vocabulary", classes=["cup"])
    assert not reply.success
    assert "configure it" in reply.message
    assert unconfigured.call(GetVocabulary, "talk2dino/get_vocabulary").version == 0
    enabled = unconfigured.call(SetBool, "talk2dino/enable", data=True)
    assert not enabled.success
    assert "configure it" in enabled.message


def test_configuring_publishes_label_info_and_subscribes_to_no_image_yet(inactive):
    infos = inactive.collect(LabelInfo, "talk2dino/label_info", LATCHED)
    inactive.wait_for(lambda: infos, "label_info")
    assert state(inactive) == State.PRIMARY_STATE_INACTIVE
    assert inactive.node.count_subscribers("/robot/image") == 0


def test_the_vocabulary_can_change_while_inactive(inactive):
    infos = inactive.collect(LabelInfo, "talk2dino/label_info", LATCHED)
    reply = inactive.call(SetVocabulary, "talk2dino/set_vocabulary", classes=["train"])
    assert reply.success, reply.message
    inactive.wait_for(lambda: find(infos, reply.version), "the new label_info")


def test_every_parameter_can_change_while_unconfigured_and_takes_effect_with_configure(unconfigured):
    assert unconfigured.set_parameter("vocabulary", ["teapot"]).successful
    assert change(unconfigured, Transition.TRANSITION_CONFIGURE)
    names = unconfigured.call(GetVocabulary, "talk2dino/get_vocabulary").names
    assert list(names) == ["teapot"]
    assert not unconfigured.set_parameter("vocabulary", ["lamp"]).successful


def test_an_active_node_segments_and_a_deactivated_one_does_not(active):
    masks = active.collect(Image, "talk2dino/mask")
    active.mask_of(checkerboard(), masks)
    assert change(active, Transition.TRANSITION_DEACTIVATE)
    active.wait_for(lambda: active.node.count_subscribers("/robot/image") == 0, "the subscription to end")
    assert change(active, Transition.TRANSITION_ACTIVATE)
    active.wait_until_active()
    active.mask_of(checkerboard(), masks)


def test_activating_and_deactivating_again_and_again_under_load_loses_nothing(active):
    masks = active.collect(Image, "talk2dino/mask")
    active.start_camera(checkerboard(), period_s=0.01)
    for _ in range(5):
        assert change(active, Transition.TRANSITION_DEACTIVATE)
        assert change(active, Transition.TRANSITION_ACTIVATE)
    active.stop_camera()
    active.wait_until_active()
    active.mask_of(checkerboard(), masks)


def test_cleaning_up_ends_the_topics_and_a_new_configure_brings_them_back(inactive):
    whole = {f"/robot/talk2dino/{name}" for name in ("label_info", "mask", "points_of_interest", "presence")}
    before = inactive.wait_for(lambda: (now := topics(inactive)) >= whole and now, "the node's topics")
    assert change(inactive, Transition.TRANSITION_CLEANUP)
    inactive.wait_for(lambda: not topics(inactive), "the topics to end")
    assert change(inactive, Transition.TRANSITION_CONFIGURE)
    inactive.wait_for(lambda: topics(inactive) == before, "the topics to come back")


def test_versions_grow_and_ids_stay_over_a_reconfigure(inactive):
    first = inactive.call(SetVocabulary, "talk2dino/set_vocabulary", classes=["boat", "tree"])
    assert change(inactive, Transition.TRANSITION_CLEANUP)
    assert change(inactive, Transition.TRANSITION_CONFIGURE)
    second = inactive.call(SetVocabulary, "talk2dino/set_vocabulary", classes=["tree"])
    assert second.version > first.version
    assert second.ids[0] == first.ids[1]


def test_a_failing_configure_says_why_and_a_later_one_succeeds(unconfigured):
    assert unconfigured.set_parameter("model", "talk2cat").successful
    assert not change(unconfigured, Transition.TRANSITION_CONFIGURE)
    assert state(unconfigured) == State.PRIMARY_STATE_UNCONFIGURED
    unconfigured.wait_for(lambda: "'talk2cat'" in unconfigured.process.output, "the reason in the log")
    assert "Traceback" not in unconfigured.process.output
    assert unconfigured.set_parameter("model", "mini").successful
    assert change(unconfigured, Transition.TRANSITION_CONFIGURE)


def test_cleaning_up_while_text_is_encoded_answers_the_request(inactive):
    words = [f"word {number}: {f'{number} very ' * 90}large" for number in range(60)]
    request = inactive.call_async(SetVocabulary, "talk2dino/set_vocabulary", classes=words)
    assert change(inactive, Transition.TRANSITION_CLEANUP)
    reply = inactive.result(request, "set_vocabulary")
    assert reply.success or "cleaned up" in reply.message or "configure it" in reply.message
    assert state(inactive) == State.PRIMARY_STATE_UNCONFIGURED


def test_shutting_down_from_active_ends_in_finalized_and_the_process_ends_well(active):
    stamp_ns(active.mask_of(checkerboard(), active.collect(Image, "talk2dino/mask")))
    assert change(active, Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert state(active) == State.PRIMARY_STATE_FINALIZED
    assert active.process.interrupt() == 0
    assert "Traceback" not in active.process.output
