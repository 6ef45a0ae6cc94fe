# SPDX-License-Identifier: Apache-2.0
"""A stranger who calls services without end."""

from __future__ import annotations

import time

from benchmarks.chaos.fault import Outcome, fault
from benchmarks.chaos.stage import Stage
from benchmarks.chaos.stranger import FLOOD, GONE

STRANGER = "benchmarks.chaos.stranger"
AGAIN_S, SOON_S = 1.0, 5.0  # for a good client to ask again, as DDS may drop a call among so many; and for its answer
AFTER_S = 10.0


@fault(
    "a flood of service calls",
    done=f"a process calls get_vocabulary {FLOOD} times without waiting, then by {GONE} clients that are gone at once",
    expected=f"a good client, which asks again each {AGAIN_S:g} s, has its answer within {SOON_S:g} s; masks go on",
)
def flood(stage: Stage) -> Outcome:
    from talk2dino_msgs.srv import GetVocabulary

    node = stage.segmenter()
    client = node.client(GetVocabulary, "get_vocabulary")
    node.call(GetVocabulary, "get_vocabulary")  # both sides know each other
    waits: list[float] = []
    with stage.camera():
        node.seconds_to_mask()
        with stage.helper(STRANGER, f"{node.name}/get_vocabulary") as stranger:
            begin_s, masks, end_s = time.monotonic(), len(node.masks), 0.0
            while not end_s or time.monotonic() < end_s:
                asked_s, answers = time.monotonic(), [client.call_async(GetVocabulary.Request())]
                while not stage.spin_until(lambda: any(each.done() for each in answers), AGAIN_S):  # noqa: B023
                    if time.monotonic() - asked_s > 12 * SOON_S:
                        break
                    answers.append(client.call_async(GetVocabulary.Request()))
                waits.append(time.monotonic() - asked_s)
                for each in answers:
                    client.remove_pending_request(each)
                stage.spin(0.1)
                if not end_s and stranger.poll() is not None:
                    end_s = time.monotonic() + AFTER_S
        seconds, masks = time.monotonic() - begin_s, len(node.masks) - masks
    is_held = max(waits) < SOON_S and masks > seconds / 2
    seen = f"{len(waits)} good calls, the slowest answered after {max(waits):.2f} s; {masks} masks in {seconds:.0f} s"
    return Outcome(seen, is_held, "nothing" if is_held else "answers or masks")
