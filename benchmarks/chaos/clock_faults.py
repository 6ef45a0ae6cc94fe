# SPDX-License-Identifier: Apache-2.0
"""Clocks that loop, stop and jump (use_sim_time), and stamps that no clock gives."""

from __future__ import annotations

from benchmarks.chaos.fault import Outcome, fault
from benchmarks.chaos.stage import Stage
from benchmarks.chaos.victim import Victim

WRONG_AFTER_S = 4.0  # camera.py's clocks go wrong 2 s after their start, of which this leaves no doubt
MANY_MASKS = 6
CLOCKS = {"loops": "runs one second again and again", "stops": "stands still", "jumps": "jumps by an hour"}
EXPECTED = "masks go on, words can be changed, /diagnostics comes"


def masks_go_on(stage: Stage, node: Victim) -> bool:
    """Whether masks come, and a change of words is answered meanwhile."""
    from talk2dino_msgs.srv import SetVocabulary

    first = len(node.masks)
    stage.wait(lambda: len(node.masks) >= first + MANY_MASKS, f"{MANY_MASKS} masks")
    is_changed = all(node.call(SetVocabulary, "set_vocabulary", classes=words).success for words in (["dog"], ["cup"]))
    return is_changed and bool(node.status("camera").values)


@fault(
    "simulated clocks",
    done=f"use_sim_time, and after 2 s a clock that {', one that '.join(CLOCKS.values())}",
    expected=f"{EXPECTED}, with each clock",
)
def simulated_clocks(stage: Stage) -> Outcome:
    node = stage.start_segmenter("/simulated", "use_sim_time:=true")
    held = {}
    for kind in CLOCKS:
        with stage.camera("--namespace", "/simulated", "--clock", kind):
            node.seconds_to_mask()
            stage.spin(WRONG_AFTER_S)
            held[kind] = masks_go_on(stage, node)
    ending = node.end()
    lost = ", ".join(kind for kind, is_held in held.items() if not is_held)
    seen = f"{len(held) - len(lost)} of {len(held)} clocks; ended with {ending}"
    return Outcome(seen, not lost and ending.is_good, lost or "nothing")


@fault(
    "stamps of zero, and that run backwards",
    done="a camera whose stamps are all zero, and one whose stamps run backwards",
    expected=EXPECTED,
)
def odd_stamps(stage: Stage) -> Outcome:
    node = stage.segmenter()
    held = {}
    for kind in ("zero", "back"):
        with stage.camera("--stamps", kind):
            node.seconds_to_mask()
            held[kind] = masks_go_on(stage, node)
    return Outcome(f"masks go on: {held}", all(held.values()))
