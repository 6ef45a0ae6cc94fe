# SPDX-License-Identifier: Apache-2.0
"""The short form of `python -m benchmarks.fuzz`, and that it notices what it is there for."""

import itertools
import json
import os
import time
from contextlib import nullcontext
from random import Random

import pytest
from rclpy.serialization import serialize_message

from benchmarks.fuzz import live_nodes, trial
from benchmarks.fuzz.__main__ import SUBJECTS, given_by, main, try_subject
from benchmarks.fuzz.fuzz_result import SubjectRun, add_run
from benchmarks.fuzz.random_messages import any_message
from benchmarks.fuzz.trial import Subject, try_input
from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.ros.bags.bag_reader import Bag

SEED = 17
INPUTS = 60  # of each subject; the long form has as many as one has time for


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_wrong_inputs_give_a_right_result_or_one_safe_sentence(subject):
    outcomes = list(try_subject(subject, SEED, range(INPUTS)))
    assert [finding for _, finding in outcomes if finding is not None] == []
    refused = sum(outcome.was_refused for outcome, _ in outcomes)
    assert 0 < refused < INPUTS, "inputs that are all refused, or none, try one way alone"


@pytest.mark.parametrize(
    ("kind", "name", "broken", "number"),
    [
        ("mcap", "_is_readable", lambda _bag, _connection: True, 22),  # trusts a damaged definition
        ("mcap", "_deserialized", lambda bag, data, of: bag._reader.deserialize(data, of.msgtype), 7),
        ("sqlite", "_forgiven", lambda _bag: nullcontext(), 6),
    ],
)
def test_the_short_form_finds_a_replay_that_is_broken(kind, name, broken, number, monkeypatch):
    """The numbers are those of inputs above that find it; where the inputs change, `try_subject` tells others."""
    (replayed,) = (each for each in SUBJECTS if each.name == f"replayed {kind} bag")
    assert number < INPUTS
    for finds in (False, True):
        ((_, finding),) = try_subject(replayed, SEED, [number])
        assert bool(finding) == finds
        monkeypatch.setattr(Bag, name, broken)


TYPES = (
    *(
        "sensor_msgs/msg/Image",
        "nav_msgs/msg/OccupancyGrid",
        "tf2_msgs/msg/TFMessage",
        "talk2dino_msgs/msg/PatchFeatures",
    ),
    *("rcl_interfaces/msg/ParameterEvent", "talk2dino_msgs/msg/TrackedObjectArray"),
    "sensor_msgs/msg/CameraInfo",
)
REQUESTS = (
    *("talk2dino_msgs/srv/SetVocabulary", "talk2dino_msgs/action/GoTo_SendGoal", "lifecycle_msgs/srv/ChangeState"),
    *("rcl_interfaces/srv/SetParameters", "talk2dino_msgs/srv/Correct", "action_msgs/srv/CancelGoal"),
)


@pytest.mark.parametrize("name", [*TYPES, *REQUESTS])
def test_random_messages_of_any_type_can_be_sent(name):
    choice = Random(name)
    sent = {serialize_message(any_message(choice, name)) for _ in range(30)}
    assert len(sent) > 10
    assert all(sent)


def raising(error):
    def read(_given, _folder):
        raise error

    return Subject("own", lambda choice: choice.random(), read)


@pytest.mark.parametrize(
    ("error", "finding"),
    [
        (Talk2DinoError("it is 3, expected 4; set it so"), ""),
        (Talk2DinoError(""), "the error says nothing"),
        (ValueError("wrong"), "ValueError at test_fuzz.py:"),
        (RecursionError("deep"), "RecursionError at test_fuzz.py:"),
        (AssertionError("another shape"), "AssertionError at test_fuzz.py:"),
    ],
)
def test_an_error_outside_of_the_family_is_a_finding(error, finding, tmp_path):
    found = try_input(raising(error), 1, tmp_path).finding
    assert found.startswith(finding)
    assert bool(found) == bool(finding)


def test_an_error_that_shows_raw_text_is_a_finding(tmp_path):
    class RawError(Talk2DinoError):
        def __str__(self):
            return "a\x1b[2J"

    assert "holds '\\x1b'" in try_input(raising(RawError()), 1, tmp_path).finding


def test_an_input_that_takes_too_long_is_a_finding(tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "LIMIT_S", 0.05)
    monkeypatch.setattr(trial, "WAITING_S", 0.2)
    for slow in (lambda: time.sleep(60), lambda: sum(number for number in itertools.count())):
        subject = Subject("own", lambda choice: choice.random(), lambda _given, _folder, slow=slow: slow())
        assert try_input(subject, 1, tmp_path).finding == "it took more than 0.05 s, or waited for 0.2 s"


def test_an_input_is_made_again_by_its_number():
    (recipe,) = (each for each in SUBJECTS if each.name == "recipe")
    assert given_by(recipe, 3, 5) == given_by(recipe, 3, 5)
    assert len({given_by(recipe, 3, number) for number in range(20)}) > 10


def test_a_run_of_the_same_day_keeps_what_the_file_says(tmp_path):
    path = add_run(1, [SubjectRun("tf", 10, 4, 6, 0, 0.1)], tmp_path)
    written = json.loads(path.read_text())
    path.write_text(json.dumps({**written, "note": "by hand", "findings": ["an old one"]}))
    assert add_run(2, [SubjectRun("tf", 5, 1, 3, 1, 0.2, ("7: it is wrong",))], tmp_path) == path
    result = json.loads(path.read_text())
    commit = result["machine"]["commit"]
    assert (result["note"], result["inputs"], len(result["runs"])) == ("by hand", 15, 2)
    assert result["subjects"]["tf"] == {"inputs": 15, "read": 5, "refused": 9, "wrong": 1}
    assert result["findings"] == ["an old one", f"tf, seed 2, at {commit}: 7: it is wrong"]


def test_a_run_counts_its_inputs_and_writes_its_findings(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.fuzz.__main__.resource.setrlimit", lambda *_: None)
    monkeypatch.setattr("benchmarks.fuzz.__main__.SUBJECTS", (raising(ValueError("wrong")),))
    assert main(["--inputs", "7", "--output", str(tmp_path)]) == 1
    assert "own: 7 inputs, 7 found wrong" in capsys.readouterr().out
    assert '"subject": "own"' in (tmp_path / "findings_1.json").read_text()


@pytest.mark.slow
def test_the_running_nodes_answer_random_requests_and_end_well(tmp_path, capsys):
    before = dict(os.environ)
    try:
        code = live_nodes.main(["--inputs", "50", "--logs", str(tmp_path), "--cache", os.environ["XDG_CACHE_HOME"]])
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert code == 0, capsys.readouterr().out
