# SPDX-License-Identifier: Apache-2.0
"""A GPU's lane: what a recording refuses, what it keeps, and what becomes of its memory."""

import contextlib

import numpy as np
import pytest
import timm
import torch
from fake_cuda import fake_cuda

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.factory import load_segmenter
from talk2dino_ros.engine.models.vit import SIZES, DinoImageEncoder
from talk2dino_ros.engine.runtime.gpu_lane import RECORDINGS, WARM_UPS, GpuLane
from talk2dino_ros.engine.runtime.memory import CAPTURES, trim_memory

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA GPU, which PyTorch does not see here"
)


def test_a_cpu_has_no_graphs_to_record():
    with pytest.raises(
        ModelError, match="cuda_graphs was asked for with device cpu and backend openvino, expected a CUDA"
    ):
        load_segmenter("mini", device="cpu", cuda_graphs=True)


def elsewhere(values):
    with torch.cuda.stream(torch.cuda.Stream("cuda")):
        return values + 1


REFUSED = {
    "a value is read": lambda values: values.sum().item(),
    "a value is asked": lambda values: bool(values.any()),
    "nonzero": lambda values: values.nonzero(),
    "a mask": lambda values: values[values > 0],
    "unique": lambda values: values.unique(),
    "to the host": lambda values: values.cpu(),
    "not pinned": lambda values: values.copy_(torch.zeros(values.shape), non_blocking=True),
    "from the host": lambda values: values + torch.tensor([1.0, 2.0], device=values.device),
    "from an array": lambda values: torch.from_numpy(np.ones(3)).to(values.device),
    "another stream": elsewhere,
    "the device is waited for": lambda values: torch.cuda.synchronize(),
    "the stream is waited for": lambda values: torch.cuda.current_stream().synchronize(),
}


@pytest.mark.parametrize("act", REFUSED.values(), ids=REFUSED)
def test_the_simulated_capture_refuses_what_cuda_refuses(act):
    with fake_cuda(), torch.inference_mode():
        lane = GpuLane("cuda", records=True)
        values = torch.zeros(2, 2, device="cuda")
        with lane.entered():
            lane.recorded(lambda: values + 1)
            with pytest.raises(AssertionError, match="while a graph is recorded"):
                lane.recorded(lambda: act(values))


def test_a_recording_keeps_what_it_reads_when_the_encoder_has_seen_many_other_sizes():
    size = {"embed_dim": 48, "depth": 2, "num_heads": 3, "num_classes": 0}
    network = timm.create_model("vit_base_patch14_reg4_dinov2", dynamic_img_size=True, img_size=56, **size)
    encoder = DinoImageEncoder(network.eval(), (0.5,) * 3, (0.5,) * 3)
    with fake_cuda() as watch, torch.inference_mode():
        encoder, lane = encoder.to("cuda"), GpuLane("cuda", records=True)
        images = torch.rand(
            1, 3, 70, 70, device="cuda"
        )  # not the size of the weights, whose positions are there anyway
        with lane.entered():
            kept = encoder.at_size((70, 70))
            replay = lane.recorded(lambda: encoder(images))
            for other in range(1, 2 * SIZES + 1):
                encoder.at_size((70, 70 + 14 * other))
            replay()
            assert watch.graphs[0].input_count > 20  # the weights among them
            del kept
            with pytest.raises(AssertionError, match="it reads memory that was freed"):
                replay()


def test_two_devices_record_each_on_its_own_and_the_current_one_stays():
    with fake_cuda() as watch, torch.inference_mode():
        for device in ("cuda:1", "cuda:0"):
            lane, values = GpuLane(device, records=True), torch.zeros(2, device=device)
            with lane.entered():
                replay = lane.recorded(lambda own=values: own + 1)
                assert str(replay().device) == device
            assert watch.device_index == 0
        assert [graph.replays for graph in watch.graphs] == [1, 1]


def test_all_recordings_of_a_lane_share_one_pool_and_a_new_one_begins_when_all_are_given_up():
    with fake_cuda() as watch, torch.inference_mode():
        lane, values = GpuLane("cuda", records=True), torch.zeros(2, device="cuda")
        with lane.entered():
            for key in range(RECORDINGS + 1):
                lane.keep(key, lambda: lane.recorded(lambda: values + 1))
    pools = [graph.pool for graph in watch.graphs]
    assert len(set(pools[:RECORDINGS])) == 1
    assert pools[RECORDINGS] != pools[0]


def test_recordings_are_given_up_when_nothing_is_computed_by_them_any_more():
    with fake_cuda() as watch, torch.inference_mode():
        lane, values = GpuLane("cuda", records=True), torch.zeros(2, device="cuda")
        with lane.entered():
            for key in range(RECORDINGS):
                lane.keep(key, lambda: lane.recorded(lambda: values + 1))()
            watch.waits.clear()
            lane.keep("one more", lambda: None)
    assert [what for _, what in watch.waits] == ["the stream"]


def test_too_little_memory_while_recording_is_said_though_the_end_of_the_capture_fails_too(monkeypatch):
    calls = []

    def compute():
        calls.append(1)
        if len(calls) > WARM_UPS:
            raise torch.OutOfMemoryError("CUDA out of memory")

    @contextlib.contextmanager
    def capture(*_, **__):
        try:
            yield
        finally:
            raise RuntimeError("operation failed due to a previous error during capture")

    with fake_cuda(), torch.inference_mode():
        monkeypatch.setattr(torch.cuda, "graph", capture)
        lane = GpuLane("cuda", records=True)
        with lane.entered(), pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
            lane.recorded(compute)
    assert not CAPTURES.locked()


def test_no_memory_is_given_back_while_a_graph_is_recorded(monkeypatch):
    is_held = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: is_held.append(CAPTURES.locked()))
    trim_memory()
    with fake_cuda(), torch.inference_mode():
        lane = GpuLane("cuda", records=True)
        with lane.entered():
            lane.recorded(lambda: is_held.append(CAPTURES.locked()))
    assert is_held == [True, *[False] * WARM_UPS, True]


@needs_gpu
def test_a_replay_reads_what_is_there_now():
    lane = GpuLane("cuda:0", records=True)
    with torch.inference_mode(), lane.entered():
        values = torch.zeros(3, device="cuda:0")
        replay = lane.recorded(lambda: 2 * values)
        for number in (1, 5):
            lane.upload(np.full(3, number, np.float32), values)
            seen = lane.download(replay())
            lane.wait()
            assert seen.tolist() == [2 * number] * 3
