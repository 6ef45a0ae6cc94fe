# SPDX-License-Identifier: Apache-2.0
"""A model that never returns, as one on a GPU that has died: it is told, everything else goes on, and the end comes."""

import signal
import time
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from hanging_node import RED
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from node_process import NodeProcess
from probe import checkerboard
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool
from talk2dino_msgs.srv import GetVocabulary, SetVocabulary

SOON_S = 60.0  # 2 s and what a busy machine adds; without an end of its own the process lives as long as the hang


@pytest.fixture
def start(make_probe, tmp_path, monkeypatch):
    """Return a function that starts a node, and returns its probe once an image hangs; what lives on is killed."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=":")
    processes = []

    def start(namespace):
        parameters = ("model:=mini", "vocabulary:=[cup, dog]", "stall_timeout_s:=0.3", "diagnostics_period_s:=0.1")
        log = tmp_path / "log.txt"
        processes.append(NodeProcess(parameters, namespace, log, module="hanging_node", has_own_interpreter=True))
        probe = make_probe(processes[-1], namespace=namespace)
        probe.statuses = {}
        arrays = probe.collect(DiagnosticArray, "/diagnostics")
        probe.wait_until_active()
        probe.masks = probe.collect(Image, "talk2dino/mask")
        probe.mask_of(checkerboard(), probe.masks)
        red = np.full((120, 160, 3), RED, np.uint8)

        def is_told():
            probe.send(red)
            found = [each for array in arrays for each in array.status if each.level == DiagnosticStatus.ERROR]
            probe.statuses = {each.name.split(": ")[1]: each.message for each in found}
            return "the model hangs" in processes[-1].output and {"model", "camera"} <= set(probe.statuses)

        probe.wait_for(is_told, "an error in diagnostics")
        return probe

    yield start
    for process in processes:
        if not process.has_ended:
            process.send_signal(signal.SIGKILL)


def change(probe, transition: int) -> bool:
    request = Transition(id=transition)
    return probe.call(ChangeState, "talk2dino/change_state", transition=request).success


def seconds_to_end(probe, number: signal.Signals) -> float:
    start_s = time.monotonic()
    probe.process.send_signal(number)
    assert probe.process.wait() == 0, probe.process.output
    return time.monotonic() - start_s


def test_a_hanging_model_is_reported_and_blocks_neither_services_nor_transitions(start):
    probe = start("/hangs")
    assert "the model has not returned from an image for" in probe.statuses["model"]
    assert "expected it within 0.3 s (stall_timeout_s)" in probe.statuses["model"]
    assert "as the model has not returned; look at the status 'model'" in probe.statuses["camera"]
    assert list(probe.call(GetVocabulary, "talk2dino/get_vocabulary").names) == ["cup", "dog"]
    assert probe.call(SetVocabulary, "talk2dino/set_vocabulary", classes=["train"]).success
    assert probe.call(SetBool, "talk2dino/enable", data=False).success
    assert change(probe, Transition.TRANSITION_DEACTIVATE)
    probe.wait_for(lambda: "nothing of that image is published" in probe.process.output, "the reason in the log")
    assert not change(probe, Transition.TRANSITION_CLEANUP)
    state = probe.call(GetState, "talk2dino/get_state").current_state.id
    assert state == State.PRIMARY_STATE_INACTIVE
    assert change(probe, Transition.TRANSITION_ACTIVATE)
    assert change(probe, Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert seconds_to_end(probe, signal.SIGTERM) < SOON_S


def test_ctrl_c_ends_the_process_while_the_model_hangs(start):
    assert seconds_to_end(start("/hangs_too"), signal.SIGINT) < SOON_S
