# SPDX-License-Identifier: Apache-2.0
"""A node that was killed comes back with its words, its ids and their quarantine."""

import os
import signal

import pytest
from probe import checkerboard
from sensor_msgs.msg import Image
from talk2dino_msgs.srv import GetVocabulary, SetVocabulary

SET, GET = "talk2dino/set_vocabulary", "talk2dino/get_vocabulary"


@pytest.fixture
def start(start_node, make_probe, tmp_path):
    """Return a function that starts a node with the same state file, and with its probe waits until it segments."""

    def start(*parameters, namespace):
        process = start_node(
            "model:=mini", f"state_file:={tmp_path}/state.json", "id_quarantine_s:=3600.0", *parameters,
            namespace=namespace,
        )  # fmt: skip
        probe = make_probe(process, namespace=namespace)
        probe.wait_until_active()
        return probe

    return start


def kill(probe) -> None:
    os.kill(probe.process.pid, signal.SIGKILL)
    probe.process.wait()


def ids_of(probe) -> dict[str, int]:
    vocabulary = probe.call(GetVocabulary, GET)
    return dict(zip(vocabulary.names, vocabulary.ids, strict=True))


def test_a_killed_node_restarts_with_its_classes_ids_and_quarantine(start):
    probe = start("vocabulary:=[stairs, dog]", namespace="/first")
    stairs = ids_of(probe)["stairs"]
    probe.call(SetVocabulary, SET, classes=["dog", "cup: red cup, mug"])
    before = ids_of(probe)
    version = probe.call(GetVocabulary, GET).version
    kill(probe)
    probe = start("vocabulary:=[stairs, dog]", namespace="/second")
    assert ids_of(probe) == before
    assert probe.call(GetVocabulary, GET).version > version
    reply = probe.call(SetVocabulary, SET, classes=["grass"])
    assert reply.ids[0] not in (stairs, *before.values())
    refused = probe.call(SetVocabulary, SET, classes=["lawn"], ids=[stairs])
    assert "still means 'stairs'" in refused.message
    probe.mask_of(checkerboard(), probe.collect(Image, "talk2dino/mask"))
