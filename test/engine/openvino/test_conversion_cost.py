# SPDX-License-Identifier: Apache-2.0
"""A conversion costs as little time and memory as it can: the encoder runs once, and its weights are there once."""

import re
import weakref
from pathlib import Path

import pytest
import torch

from talk2dino_ros.engine.models.vit import DinoImageEncoder
from talk2dino_ros.engine.openvino import openvino_encoder, openvino_network
from talk2dino_ros.engine.runtime.openvino_library import cpu_computes_in

pytest.importorskip("openvino", reason="pip install -r tools/requirements/engine.txt is missing")


def images():
    return torch.rand(1, 3, 70, 98, generator=torch.Generator().manual_seed(7))


@pytest.fixture
def runs(monkeypatch):
    """The images that torch's encoder has run on."""
    runs, forward = [], DinoImageEncoder.forward
    monkeypatch.setattr(
        DinoImageEncoder,
        "forward",
        lambda self, given, *others: runs.append(given.clone()) or forward(self, given, *others),
    )
    return runs


@pytest.fixture
def loads(monkeypatch):
    """Every encoder in torch that was loaded, as long as it is in memory."""
    loads, load = [], openvino_encoder._load_plain

    def load_and_note(*arguments):
        encoder = load(*arguments)
        loads.append(weakref.ref(encoder))
        return encoder

    monkeypatch.setattr(openvino_encoder, "_load_plain", load_and_note)
    return loads


@pytest.fixture
def reads(monkeypatch, loads):
    """How many encoders in torch were in memory at each reading of what was kept."""
    reads, read = [], openvino_encoder.read
    monkeypatch.setattr(
        openvino_encoder, "read", lambda *given: reads.append(sum(each() is not None for each in loads)) or read(*given)
    )
    return reads


def test_a_conversion_runs_torchs_encoder_once_to_trace_and_to_compare(opened, runs):
    """A run more takes seconds for a ViT-B, and a tracer's own check would be three more."""
    opened()(images())
    assert len(runs) == 1


def test_the_converted_network_and_torchs_are_gone_before_what_was_kept_takes_as_much_memory(
    opened, monkeypatch, loads, reads
):
    made, convert, read = [], openvino_encoder.convert, openvino_encoder.read

    def convert_and_note(*arguments):
        network, by_torch = convert(*arguments)
        made.append(weakref.ref(network))
        return network, by_torch

    def read_when_it_is_gone(*arguments):
        made.append(made[0]() is None)
        return read(*arguments)

    monkeypatch.setattr(openvino_encoder, "convert", convert_and_note)
    monkeypatch.setattr(openvino_encoder, "read", read_when_it_is_gone)
    opened()(images())
    assert made[1:] == [True]
    assert (len(loads), reads) == (1, [0])


def test_who_compares_with_torch_gets_its_features_from_the_conversion(tiny, opened, runs, loads, reads):
    encoder = opened()
    (features, seconds), conversion_s = encoder.by_torch(images())
    assert [torch.equal(run, images()) for run in runs] == [True]
    assert 0 < seconds < conversion_s
    assert (len(loads), reads, loads[0]()) == (1, [0], None)
    expected = tiny.row.load_image_encoder(tiny.checkpoints, torch.float32)(images())
    assert torch.equal(features.patch_features, expected.patch_features)
    again, no_conversion_s = encoder.by_torch(images())
    assert torch.equal(again.features.patch_features, expected.patch_features)
    assert (no_conversion_s, encoder._plain) == (0.0, None)  # a stream does not keep what it has no use for


def test_who_compares_with_torch_in_inference_mode_can_do_so_with_attention(tiny, opened):
    with torch.inference_mode():
        (features, _), _ = opened().by_torch(images(), True)
        expected = tiny.row.load_image_encoder(tiny.checkpoints, torch.float32)(images(), True)
    assert torch.equal(features.cls_attention, expected.cls_attention)


def mapped(path):
    """What the kernel says of a mapped file's pages: bytes in memory, and of them those that were written to."""
    sums, is_there = {"Rss": 0, "Anonymous": 0}, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            is_there = line.endswith(str(path))
        elif is_there and (name := line.split(":")[0]) in sums:
            sums[name] += 1024 * int(line.split()[1])
    return sums


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_file_that_openvino_has_read_takes_no_memory_beside_its_own_weights(
    opened, empty_cache, monkeypatch, precision
):
    """Its pages are dropped, which loses nothing, as OpenVINO writes to none of them."""
    if not cpu_computes_in(precision):
        pytest.skip(f"this CPU does not compute in {precision}")
    expected = opened(precision)(images()).patch_features
    (file,) = empty_cache.glob("*.blob")
    found, forget = [], openvino_network.forget_pages

    def note_and_forget(kept):
        found.append(mapped(file))
        forget(kept)
        found.append(mapped(file))

    monkeypatch.setattr(openvino_network, "forget_pages", note_and_forget)
    encoder = opened(precision)
    assert torch.equal(encoder(images()).patch_features, expected)
    before, after = found
    assert (before["Rss"] > file.stat().st_size / 2, after["Rss"]) == (True, 0)
    assert mapped(file)["Anonymous"] == before["Anonymous"] == 0
