# SPDX-License-Identifier: Apache-2.0
"""The times of the pipeline's stages, by a clock of the test."""

from types import SimpleNamespace

import pytest
from scripted_pipeline import BAD, Bench, image, vocabulary_of

from talk2dino_ros.engine.runtime import stage_times
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
from talk2dino_ros.segmenter.pipeline import ActiveConfiguration


def test_stage_times_of_a_batch_go_from_decoding_to_the_points_and_its_cameras_share_them():
    bench = Bench(stage_times=True)
    bench.process(front=image(), rear=image())
    times_s = bench.pipeline.stages.percentiles_s()
    assert list(times_s) == ["decode", "backbone", "publish", "points"]
    assert all(0 < median_s == p99_s for median_s, p99_s in times_s.values())  # two images, one sample
    assert bench.segmenter.timers_made == 1


def test_decoding_and_publishing_are_each_in_the_stage_of_that_name(monkeypatch):
    now_s = [100.0]  # a clock that goes where it is told to, whatever else the machine does
    monkeypatch.setattr(stage_times, "time", SimpleNamespace(perf_counter=lambda: now_s[0]))

    def taking(seconds, function):
        def take(*values):
            now_s[0] += seconds
            return function(*values)

        return take

    bench = Bench(stage_times=True)
    bench.front.to_rgb = taking(0.05, bench.front.to_rgb)
    bench.front.publish_mask = taking(0.1, bench.front.publish_mask)
    bench.process(front=image())
    times_s = {name: median_s for name, (median_s, _) in bench.pipeline.stages.percentiles_s().items()}
    assert times_s["decode"] == pytest.approx(0.05)
    assert times_s["publish"] == pytest.approx(0.1)
    assert times_s["points"] == 0.0


def test_without_stage_times_no_timer_is_made_and_older_times_are_forgotten():
    bench = Bench(stage_times=True)
    bench.process(front=image())
    bench.pipeline.adopt(ActiveConfiguration(bench.segmenter, vocabulary_of("cup"), Parameters()))
    bench.process(front=image())
    assert bench.pipeline.stages.percentiles_s() == {}
    assert bench.segmenter.timers_made == 1
    assert bench.segmenter.timers_seen[1] is None


def test_a_batch_without_a_mask_leaves_no_stage_times():
    bench = Bench(stage_times=True)
    bench.process(front=image(BAD), rear=None)
    assert bench.pipeline.stages.percentiles_s() == {}
