# SPDX-License-Identifier: Apache-2.0
"""The worker's thread processes what comes, survives what goes wrong, and ends when told."""

import queue
import threading

import pytest

from talk2dino_ros.segmenter.frames import Frame, FrameSlots
from talk2dino_ros.segmenter.worker import Worker

DEADLINE_S = 60.0
LONG_S = 1000.0


class Bench:
    """A worker whose processing the test watches and scripts."""

    def __init__(self):
        self.slots = FrameSlots()
        self.batches: queue.Queue[list[str]] = queue.Queue()
        self.errors: queue.Queue[tuple[list[Frame], Exception]] = queue.Queue()
        self.rest_s = 0.0
        self.worker = Worker(self.slots, self._process, self.on_error)

    def put(self, message: str) -> None:
        self.slots.put(Frame("camera", message, 0.0))

    def on_error(self, frames: list[Frame], error: Exception) -> None:
        self.errors.put((frames, error))

    def _process(self, frames: list[Frame]) -> float:
        messages = [frame.message for frame in frames]
        if messages == ["bad"]:
            raise ValueError("a bad frame")
        self.batches.put(messages)
        return self.rest_s


def started_bench() -> Bench:
    bench = Bench()
    bench.worker.start()
    return bench


def test_frames_are_processed_in_another_thread():
    bench = Bench()
    threads = []
    worker = Worker(bench.slots, lambda _frames: threads.append(threading.current_thread()) or 0.0, bench.on_error)
    worker.start()
    bench.put("one")
    wait_for(lambda: threads)
    worker.stop()
    assert threads[0] is not threading.current_thread()


def test_an_exception_is_reported_and_the_next_frame_is_processed():
    bench = started_bench()
    bench.put("bad")
    frames, error = bench.errors.get(timeout=DEADLINE_S)
    bench.put("good")
    assert bench.batches.get(timeout=DEADLINE_S) == ["good"]
    assert isinstance(error, ValueError)
    assert [frame.message for frame in frames] == ["bad"]
    bench.worker.stop()


def test_stop_waits_for_the_batch_in_hand():
    slots, entered, release, finished = FrameSlots(), threading.Event(), threading.Event(), []

    def process(_frames):
        entered.set()
        release.wait(DEADLINE_S)
        finished.append(True)
        return 0.0

    worker = Worker(slots, process, lambda frames, error: None)
    worker.start()
    slots.put(Frame("camera", None, 0.0))
    assert entered.wait(DEADLINE_S)
    stopper = threading.Thread(target=worker.stop, args=(DEADLINE_S,))
    stopper.start()
    assert stopper.is_alive()
    assert not finished
    release.set()
    stopper.join(DEADLINE_S)
    assert finished
    assert not stopper.is_alive()


def test_a_worker_can_be_stopped_and_started_again_and_again():
    bench = Bench()
    bench.worker.stop()
    for message in ("one", "two"):
        bench.worker.start()
        bench.worker.start()
        bench.put(message)
        assert bench.batches.get(timeout=DEADLINE_S) == [message]
        bench.worker.stop()
        bench.worker.stop()


def test_a_resting_worker_takes_the_next_frame_only_when_the_rest_ends():
    bench = Bench()
    bench.rest_s = LONG_S
    bench.worker.start()
    bench.put("first")
    bench.batches.get(timeout=DEADLINE_S)
    bench.put("second")
    with pytest.raises(queue.Empty):
        bench.batches.get(timeout=0.1)
    bench.put("third")
    bench.worker.end_rest()
    assert bench.batches.get(timeout=DEADLINE_S) == ["third"]
    bench.worker.stop()


def test_a_resting_worker_stops_at_once():
    bench = Bench()
    bench.rest_s = LONG_S
    bench.worker.start()
    bench.put("first")
    bench.batches.get(timeout=DEADLINE_S)
    assert bench.worker.stop(DEADLINE_S)


def test_a_worker_that_is_stopped_right_after_it_has_taken_a_frame_does_not_rest():
    bench = Bench()
    bench.rest_s = LONG_S
    take, end_rest = bench.slots.take, bench.worker.end_rest
    taken, stopping = threading.Event(), threading.Event()

    def take_and_be_late():
        frames = take()
        taken.set()
        assert stopping.wait(DEADLINE_S)
        return frames

    bench.slots.take = take_and_be_late
    bench.worker.end_rest = lambda: end_rest() or stopping.set()
    bench.worker.start()
    bench.put("first")
    assert taken.wait(DEADLINE_S)
    assert bench.worker.stop(DEADLINE_S)
    assert bench.batches.get(timeout=DEADLINE_S) == ["first"]


class Hanging:
    """A worker whose first batch hangs until it is released."""

    def __init__(self):
        self.slots, self.entered, self.release = FrameSlots(), threading.Event(), threading.Event()
        self.done: queue.Queue[tuple[str, bool]] = queue.Queue()
        self.worker = Worker(self.slots, self._process, lambda frames, error: None)
        self.worker.start()
        self.put("hangs")
        assert self.entered.wait(DEADLINE_S)

    def put(self, message: str) -> None:
        self.slots.put(Frame("camera", message, 0.0))

    def _process(self, frames: list[Frame]) -> float:
        if frames[0].message == "hangs":
            self.entered.set()
            self.release.wait(DEADLINE_S)
        self.done.put((frames[0].message, self.worker.is_left))
        return 0.0


def test_a_hanging_batch_is_abandoned_and_flagged():
    hanging = Hanging()
    assert hanging.worker.busy_s > 0.0
    assert not hanging.worker.stop(patience_s=0.01)
    assert not hanging.worker.stop(patience_s=0.01)
    hanging.put("nobody takes this")
    hanging.release.set()
    assert hanging.done.get(timeout=DEADLINE_S) == ("hangs", True)
    wait_for(lambda: hanging.worker.stop(patience_s=0.01))
    assert hanging.worker.busy_s == 0.0
    assert hanging.done.empty()


def test_a_restart_uses_the_model_only_after_the_hanging_batch_has_returned():
    hanging = Hanging()
    hanging.worker.stop(patience_s=0.01)
    hanging.worker.start()
    hanging.put("next")
    with pytest.raises(queue.Empty):
        hanging.done.get(timeout=0.2)
    hanging.release.set()
    assert [hanging.done.get(timeout=DEADLINE_S) for _ in range(2)] == [("hangs", True), ("next", False)]
    assert hanging.worker.stop(DEADLINE_S)


def test_however_often_it_is_started_the_model_is_never_used_twice_at_once():
    hanging = Hanging()
    for _ in range(3):
        assert not hanging.worker.stop(patience_s=0.3)
        hanging.worker.start()
    hanging.put("next")
    with pytest.raises(queue.Empty):
        hanging.done.get(timeout=0.2)
    hanging.release.set()
    assert [hanging.done.get(timeout=DEADLINE_S) for _ in range(2)] == [("hangs", True), ("next", False)]
    assert hanging.worker.stop(DEADLINE_S)


def wait_for(condition) -> None:
    done = threading.Event()
    for _ in range(1000):
        if condition():
            return
        done.wait(DEADLINE_S / 1000)
    raise AssertionError("the condition did not come true in time")
