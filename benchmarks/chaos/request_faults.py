# SPDX-License-Identifier: Apache-2.0
"""Storms of requests."""

from __future__ import annotations

import time

from benchmarks.chaos.fault import Outcome, fault
from benchmarks.chaos.stage import Stage

CALLS = 300
SETS = 1000


@fault(
    "300 calls of set_vocabulary at once",
    done="300 requests sent without waiting, each with another word",
    expected="each is answered: done, or refused in a sentence; the last one's word is active",
)
def many_calls(stage: Stage) -> Outcome:
    from talk2dino_msgs.srv import GetVocabulary, SetVocabulary

    node = stage.segmenter()
    client = node.client(SetVocabulary, "set_vocabulary")
    node.call(SetVocabulary, "set_vocabulary", classes=["cup"])  # both sides know each other
    futures = [client.call_async(SetVocabulary.Request(classes=[f"cup {number}: cup"])) for number in range(CALLS)]
    stage.spin_until(lambda: all(each.done() for each in futures), 60.0)
    answers = [each.result() for each in futures if each.done()]
    refused = [each.message for each in answers if not each.success]
    names = list(node.call(GetVocabulary, "get_vocabulary").names)
    node.call(SetVocabulary, "set_vocabulary", classes=["cup", "dog"])
    said = refused[0] if refused else ""
    seen = f"{len(answers)} answered, {len(refused)} of them refused (“{said}”), active: {names}"
    is_held = len(answers) == CALLS and all(refused) and names == [f"cup {CALLS - 1}"]
    return Outcome(seen, is_held, "nothing" if is_held else f"{CALLS - len(answers)} answers")


@fault(
    "1000 parameter changes",
    done=f"{SETS} changes of overlay_alpha sent without waiting, while images come",
    expected="each is answered, masks go on, the last value is the node's",
)
def parameter_storm(stage: Stage) -> Outcome:
    from rcl_interfaces.srv import GetParameters, SetParameters
    from rclpy.parameter import Parameter

    node = stage.segmenter()
    client = node.client(SetParameters, "set_parameters")
    with stage.camera():
        node.set_parameter("overlay_alpha", 0.5)
        node.seconds_to_mask()
        begin_s, masks = time.monotonic(), len(node.masks)
        values = [round(0.1 + 0.8 * number / SETS, 6) for number in range(SETS)]
        sets = [[Parameter("overlay_alpha", value=value).to_parameter_msg()] for value in values]
        futures = [client.call_async(SetParameters.Request(parameters=each)) for each in sets]
        stage.spin_until(lambda: all(each.done() for each in futures), 90.0)
        seconds, masks = time.monotonic() - begin_s, len(node.masks) - masks
        after_s = node.seconds_to_mask()
    done = sum(each.done() and each.result().results[0].successful for each in futures)
    last = node.call(GetParameters, "get_parameters", names=["overlay_alpha"]).values[0].double_value
    is_held = done == SETS and last == values[-1]
    seen = f"{done} done in {seconds:.1f} s, {masks} masks meanwhile, one {after_s:.1f} s later, the value is {last:g}"
    return Outcome(seen, is_held, "nothing" if is_held else f"{SETS - done} answers")
