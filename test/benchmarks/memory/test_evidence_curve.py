# SPDX-License-Identifier: Apache-2.0
"""The curve of what is found against what is not there, by cases counted by hand; drawn to a file."""

import cv2

from benchmarks.memory.evidence import EVIDENCE, SIZE, AskedWord, curve, curves, draw
from talk2dino_ros.perception.evidence import MIN_EVIDENCE

HERE, FAR = (1.0, 2.0, 0.8), (3.0, 2.0, 0.8)


def asked(word, truths, *best):
    return AskedWord(word, truths, list(best), [])


def test_each_threshold_has_its_recall_and_its_share_of_absent_words():
    words = [
        asked("cup", [HERE], HERE, HERE, None),
        asked("dog", [HERE], FAR, HERE, None),  # the wrong place first, until it is refused
        asked("hat", [HERE], FAR, FAR, FAR),
        asked("fig", [HERE, FAR], FAR, FAR, FAR),  # the second of two
        asked("bus", [], HERE, None, None),
        asked("bird", [], FAR, FAR, None),
    ]
    assert curve(words, (0.0, 1.0, 2.0), lambda each: each.evidence) == [
        {"least": 0.0, "recall_at_1_percent": 50.0, "absent_found_percent": 100.0},
        {"least": 1.0, "recall_at_1_percent": 75.0, "absent_found_percent": 50.0},
        {"least": 2.0, "recall_at_1_percent": 25.0, "absent_found_percent": 0.0},
    ]


def test_the_chosen_threshold_is_on_the_curve_and_the_curve_is_drawn(tmp_path):
    assert MIN_EVIDENCE in EVIDENCE
    words = [AskedWord("cup", [HERE], [HERE] * len(EVIDENCE), [HERE] * len(SIZE))]
    words += [AskedWord("bus", [], [None] * len(EVIDENCE), [FAR] * len(SIZE))]
    part = {"rooms": [1], **curves(words)}
    tracker = {"recall_at_1_percent": 50.0, "absent_found_percent": 60.0}
    facts = {"min_evidence": MIN_EVIDENCE, "tuned": part, "reported": {**part, "tracker": tracker}}
    draw(facts, tmp_path / "curve.png")
    assert cv2.imread(str(tmp_path / "curve.png")).shape[1] > 1000
