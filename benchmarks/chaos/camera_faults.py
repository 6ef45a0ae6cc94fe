# SPDX-License-Identifier: Apache-2.0
"""Cameras that die, change, double, or publish nonsense."""

from __future__ import annotations

from itertools import pairwise

from benchmarks.chaos.camera import SIZES
from benchmarks.chaos.fault import Outcome, fault
from benchmarks.chaos.stage import Stage

ADVICE = "config/fastdds.xml"  # what a verdict names where it takes the profile for missing
MANY_MASKS = 12
BUSY_S = 60.0  # for what a quiet machine does in a few seconds
LISTED_S = 25.0  # a killed publisher is listed for its participant's lease of 20 s


@fault(
    "camera killed and restarted",
    done="SIGKILL to a camera at 20 Hz, and a new one 3 s later",
    expected="silence is told as such, masks come again from the new one, none is older than it",
)
def camera_killed(stage: Stage) -> Outcome:
    node = stage.segmenter()
    with stage.camera():
        node.seconds_to_mask()
    stage.spin(3.0)
    said = node.status("camera").message
    with stage.camera():
        seconds = node.seconds_to_mask()
    return Outcome(f"“{said}”; the first mask {seconds:.1f} s after the new start", "no image on" in said)


@fault(
    "advice after a kill",
    done="SIGKILL to a camera with the transport profile and camera_info, and its status read for 25 s",
    expected="no verdict advises to set the profile",
)
def advice_after_kill(stage: Stage) -> Outcome:
    node = stage.segmenter()
    with stage.camera("--info", "--size", "640x480"):
        node.seconds_to_mask()
        stage.spin(2.0)
    node.said.clear()
    stage.spin(LISTED_S)
    wrong = [each for each in node.said if ADVICE in each]
    kinds = sorted({each.rpartition(": ")[2] for each in node.said if "no image on" in each})
    return Outcome(f"{len(wrong)} of {len(node.said)} verdicts; it said: {' / '.join(kinds)}"[:400], not wrong)


@fault(
    "size, encoding and rate change",
    done="a camera whose size, encoding (rgb8, bgra8, mono8, bgr8) and rate (5 to 60 Hz) change each second",
    expected="a mask of each size, no image refused",
)
def camera_changes(stage: Stage) -> Outcome:
    node = stage.segmenter()
    before = int(node.status("camera").values["wrong images"])
    with stage.camera("--changes"):
        node.seconds_to_mask()
        first = len(node.masks)
        expected = {(height, width) for width, height in SIZES}
        stage.spin_until(lambda: {mask.size for mask in node.masks[first:]} >= expected, BUSY_S)
    sizes = {mask.size for mask in node.masks[first:]}
    wrong = int(node.status("camera").values["wrong images"]) - before
    seen = f"masks of {len(sizes & expected)} of {len(expected)} sizes, {wrong} images refused"
    return Outcome(seen, sizes >= expected and not wrong)


@fault(
    "two cameras on one topic",
    done="two cameras publish on one topic",
    expected="both are named in the camera's status (once killed ones are listed no more), masks go on, and it is told "
    "no more once one is gone",
)
def two_publishers(stage: Stage) -> Outcome:
    node = stage.segmenter()
    with stage.camera("--node", "left"):
        with stage.camera("--node", "right"):
            node.seconds_to_mask()
            stage.wait(lambda: "expected one publisher" in node.statuses["camera"].message, "the warning", 3 * LISTED_S)
            said = node.statuses["camera"].message
            node.seconds_to_mask()
        stage.wait(lambda: "expected one publisher" not in node.statuses["camera"].message, "its end", 3 * LISTED_S)
    return Outcome(f"“{said}”", "left" in said and "right" in said)


@fault(
    "stamps shuffled",
    done=f"a camera whose stamps are shuffled over five seconds, until {MANY_MASKS} masks have come",
    expected="each mask carries the stamp of its image, and masks go on",
)
def stamps_shuffled(stage: Stage) -> Outcome:
    node = stage.segmenter()
    with stage.camera("--stamps", "shuffled"):
        node.seconds_to_mask()
        first = len(node.masks)
        stage.wait(lambda: len(node.masks) >= first + MANY_MASKS, f"{MANY_MASKS} masks")
    stamps = [mask.stamp for mask in node.masks[first:]]
    back = sum(later < earlier for earlier, later in pairwise(stamps))
    return Outcome(f"{len(stamps)} masks, {back} with an older stamp than the one before", back > 0)


@fault(
    "an error of another camera",
    done="two cameras in one node: one sends an encoding that is none, nobody publishes on the other's topic",
    expected="the error stands in the status of its own camera alone",
)
def error_of_another_camera(stage: Stage) -> Outcome:
    node = stage.start_segmenter("/pair", "cameras:=[front, back]")
    with stage.camera("--namespace", "/pair", "--topic", "front/image", "--encoding", "rgb77"):
        stage.wait(lambda: node.statuses["camera front"].values["last error"], "the error")
        front, back = node.status("camera front"), node.status("camera back")
    node.end()
    return Outcome(
        f"front: “{front.message[:120]}”; back: “{back.message[:120]}”",
        "rgb77" in front.message and "rgb77" not in back.message and not back.values["last error"],
    )
