# SPDX-License-Identifier: Apache-2.0
"""A go_to adds the class that the vocabulary lacks, and removes it again."""

import os
import signal

from scripted_world import tracked
from std_srvs.srv import Trigger
from talk2dino_msgs.msg import GoToState
from talk2dino_msgs.srv import GoTo


def test_a_missing_class_is_added_as_a_question_until_the_go_to_ends(world):
    world.objects = [tracked(3.0, 0.0, name="red mug")]
    before = list(world.classes)
    assert world.go_to("red mug: mug, cup that is red").success
    assert world.asked == [(["?red mug: mug, cup that is red"], [])]
    assert world.call(Trigger, "goal/cancel").success
    world.wait_for(lambda: world.asked[1:] == [([], ["?red mug"])], "the word's removal")
    assert world.classes == before


def test_a_go_to_that_times_out_removes_its_class(world):
    reply = world.go_to("unicorn", timeout_s=0.3)
    assert reply.state.value == GoToState.NEVER_SEEN
    world.wait_for(lambda: world.asked == [(["?unicorn"], []), ([], ["?unicorn"])], "the word's removal")


def test_a_new_go_to_removes_the_class_of_the_one_before_unless_it_is_the_same(world):
    handle = world.send("unicorn")
    world.wait_for(lambda: world.asked == [(["?unicorn"], [])], "the question")
    world.send("Unicorn")
    assert world.result_of(handle).result.state.value == GoToState.CANCELLED
    last = world.send("dragon")
    world.wait_for(lambda: len(world.asked) == 3, "the other word, and the first one's removal")
    assert sorted(world.asked[1:]) == [([], ["?unicorn"]), (["?dragon"], [])]
    world.result(last.cancel_goal_async(), "the cancelling")
    world.wait_for(lambda: world.asked[-1] == ([], ["?dragon"]), "the last word's removal")


def test_a_class_already_in_the_vocabulary_is_neither_added_nor_removed(world):
    world.objects = [tracked(3.0, 0.0, name="dog")]
    world.classes.append("?cat")
    assert world.go_to("Dog").success
    assert world.go_to("cat", timeout_s=0.2).state.value == GoToState.NEVER_SEEN
    assert world.call(GoTo, "goal/go_to", class_name="wall").state.value == GoToState.NOT_IN_VOCABULARY  # has ended all
    assert world.asked == []


def test_a_class_that_the_segmenter_refuses_ends_as_not_in_vocabulary(world):
    world.refusal = "a vocabulary of 255 classes was asked for, expected 1 to 254"
    reply = world.go_to("unicorn")
    assert (reply.success, reply.state.value) == (False, GoToState.NOT_IN_VOCABULARY)
    assert world.refusal in reply.message
    world.wait_for(lambda: world.states[-1:] == [GoToState.NOT_IN_VOCABULARY], "the state")


def test_a_go_to_a_distractor_class_is_refused(world):
    reply = world.go_to("wall")
    assert reply.state.value == GoToState.NOT_IN_VOCABULARY
    assert "'wall' is a distractor" in reply.message
    assert world.asked == []


def test_without_add_words_a_missing_class_is_refused(world):
    assert world.set_parameter("add_words", False).successful
    reply = world.go_to("unicorn")
    assert world.set_parameter("add_words", True).successful
    assert reply.state.value == GoToState.NOT_IN_VOCABULARY
    assert "'unicorn' is not in the vocabulary (cup, dog, wall), and add_words is false" in reply.message
    assert world.asked == []


def test_an_unconfigured_segmenter_fails_the_go_to(world):
    world.version = 0
    reply = world.go_to()
    assert reply.state.value == GoToState.FAILED
    assert "has no vocabulary yet" in reply.message


def test_an_absent_segmenter_fails_the_go_to(make_world):
    world = make_world("/alone", "segmenter_timeout_s:=0.5", has_segmenter=False)
    world.wait_until_heard()
    reply = world.go_to()
    assert (reply.success, reply.state.value) == (False, GoToState.FAILED)
    assert reply.message == (
        "the service talk2dino/get_vocabulary is not there after 0.5 s; start the segmenter, or set the "
        "parameter segmenter to the name of its node"
    )


def test_shutting_down_removes_the_class_and_tells_listeners_that_the_go_to_is_cancelled(make_world):
    world = make_world("/ending")
    world.wait_until_heard()
    world.call_async(GoTo, "goal/go_to", class_name="unicorn")
    # answered, too: an answer to a node that has ended meanwhile is an error of rclpy's in this world
    world.wait_for(lambda: world.classes[-1] == "?unicorn", "the question")
    world.wait_for(lambda: world.states and world.states[-1] == GoToState.SEARCHING, "the search")
    os.kill(world.process.pid, signal.SIGINT)
    world.wait_for(lambda: world.asked[1:] == [([], ["?unicorn"])], "the class's removal", may_end=True)
    world.wait_for(lambda: world.states[-1] == GoToState.CANCELLED, "the state", may_end=True)
    assert world.process.wait() == 0
