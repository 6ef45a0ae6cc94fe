# SPDX-License-Identifier: Apache-2.0
"""A conversion costs as little time and memory as it can: the encoder runs twice, and its weights are there once."""

import weakref

import pytest
import torch

from talk2dino_ros.engine.models.vit import DinoImageEncoder
from talk2dino_ros.engine.openvino import openvino_encoder

pytest.importorskip("openvino", reason="pip install -r tools/requirements/engine.txt is missing")


def images():
    return torch.rand(1, 3, 70, 98, generator=torch.Generator().manual_seed(7))


def test_a_conversion_runs_torchs_encoder_once_to_trace_and_once_to_compare(opened, monkeypatch):
    """A tracer's own check would run it three times more, seconds each for a ViT-B."""
    calls, forward = [], DinoImageEncoder.forward
    monkeypatch.setattr(
        DinoImageEncoder, "forward", lambda self, *arguments: calls.append(1) or forward(self, *arguments)
    )
    opened()(images())
    assert len(calls) == 2


def test_the_converted_network_is_gone_before_what_was_kept_takes_as_much_memory(opened, monkeypatch):
    made, convert, read = [], openvino_encoder.convert, openvino_encoder.read

    def convert_and_note(*arguments):
        network = convert(*arguments)
        made.append(weakref.ref(network))
        return network

    def read_when_it_is_gone(*arguments):
        made.append(made[0]() is None)
        return read(*arguments)

    monkeypatch.setattr(openvino_encoder, "convert", convert_and_note)
    monkeypatch.setattr(openvino_encoder, "read", read_when_it_is_gone)
    opened()(images())
    assert made[1:] == [True]


def test_who_compares_with_torch_gets_the_encoder_that_is_converted_and_it_is_in_memory_once(tiny, opened, monkeypatch):
    loads, load = [], openvino_encoder._load_plain
    monkeypatch.setattr(openvino_encoder, "_load_plain", lambda *arguments: loads.append(1) or load(*arguments))
    encoder = opened()
    lent = encoder.plain()
    assert lent is encoder.plain()
    encoder(images())
    assert (len(loads), encoder._plain) == (1, None)
    assert encoder.plain() is not lent
    assert encoder._plain is None  # a stream does not keep what it has no use for
