# SPDX-License-Identifier: Apache-2.0
"""Rates and percentiles, by hand."""

import math

import pytest

from talk2dino_ros.segmenter.statistics import (
    SAMPLES,
    CameraStatistics,
    Rate,
    RecentLatency,
    StageStatistics,
    percentile,
)


def test_ten_events_a_tenth_of_a_second_apart_are_ten_a_second():
    rate = Rate()
    for step in range(10):
        rate.tick(step * 0.1)
    assert rate.per_second(now_s=0.9) == pytest.approx(10.0)


def test_events_outside_the_window_do_not_count():
    rate = Rate(window_s=5.0)
    for time_s in (0.0, 1.0, 10.0, 12.0):
        rate.tick(time_s)
    assert rate.per_second(now_s=12.0) == pytest.approx(0.5)


def test_a_stream_that_ended_has_no_rate():
    rate = Rate(window_s=5.0)
    rate.tick(0.0)
    rate.tick(0.1)
    assert rate.per_second(now_s=60.0) == 0.0


@pytest.mark.parametrize("times_s", [[], [1.0], [1.0, 1.0]])
def test_fewer_than_two_moments_have_no_rate(times_s):
    rate = Rate()
    for time_s in times_s:
        rate.tick(time_s)
    assert rate.per_second(now_s=1.0) == 0.0


def test_percentiles_are_values_that_occurred():
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert percentile(values, 0.5) == 3.0
    assert percentile(values, 0.99) == 5.0
    assert percentile(values, 0.2) == 1.0


def test_the_99th_percentile_of_a_hundred_leaves_one_out():
    assert percentile(range(1, 101), 0.99) == 99


def test_no_values_have_no_percentile():
    assert math.isnan(percentile([], 0.5))


def test_latency_counts_from_the_stamp_where_the_stamp_is_sane():
    statistics = CameraStatistics(start_s=0.0)
    statistics.on_published(now_s=10.0, since_stamp_s=0.2, since_received_s=0.1)
    assert (statistics.latency_from, statistics.latencies_s()) == ("image stamp", (0.2, 0.2))


@pytest.mark.parametrize("since_stamp_s", [-0.5, 3600.0])
def test_latency_counts_from_reception_where_the_stamp_is_of_another_time(since_stamp_s):
    statistics = CameraStatistics(start_s=0.0)
    statistics.on_published(now_s=9.0, since_stamp_s=0.2, since_received_s=0.05)
    statistics.on_published(now_s=10.0, since_stamp_s=since_stamp_s, since_received_s=0.1)
    assert (statistics.latency_from, statistics.latencies_s()) == ("reception", (0.1, 0.1))


def test_a_wrong_image_is_counted_and_remembered_until_a_mask_goes_out():
    statistics = CameraStatistics(start_s=0.0)
    statistics.on_wrong("the step is wrong")
    assert (statistics.wrong, statistics.is_failing) == (1, True)
    statistics.on_published(now_s=1.0, since_stamp_s=0.1, since_received_s=0.1)
    assert (statistics.wrong, statistics.is_failing) == (1, False)
    assert statistics.last_error == "the step is wrong"


def test_rates_in_and_out_are_kept_apart():
    statistics = CameraStatistics(start_s=0.0)
    for step in range(11):
        statistics.on_received(now_s=step * 0.1)
    for step in range(6):
        statistics.on_published(now_s=step * 0.2, since_stamp_s=0.1, since_received_s=0.1)
    assert statistics.rates(now_s=1.0) == pytest.approx((10.0, 5.0))
    assert (statistics.received, statistics.published) == (11, 6)
    assert statistics.last_received_s == 1.0


def test_stages_keep_the_order_of_the_way_and_have_their_own_percentiles():
    stages = StageStatistics()
    for number in range(1, 101):
        stages.add({"decode": number, "backbone": 10 * number})
    stages.add({"refine": 7.0})  # switched on between two batches
    assert stages.percentiles_s() == {"decode": (50, 99), "backbone": (500, 990), "refine": (7.0, 7.0)}
    assert list(stages.percentiles_s()) == ["decode", "backbone", "refine"]


def test_old_stage_times_make_room_for_new_ones_and_can_be_forgotten():
    stages = StageStatistics()
    for _ in range(SAMPLES):
        stages.add({"decode": 1.0})
    for _ in range(SAMPLES):
        stages.add({"decode": 2.0})
    assert stages.percentiles_s() == {"decode": (2.0, 2.0)}
    stages.clear()
    assert stages.percentiles_s() == {}


def recent_of(*masks):
    recent = RecentLatency()
    for mask in masks:
        recent.add(*mask)
    return recent


def test_the_recent_latency_is_the_median_of_the_last_ten_seconds():
    masks = [(0.0, 9.0, 9.0), (12.0, 0.1, 0.3), (13.0, 0.2, 0.4), (14.0, 0.3, 0.5)]
    assert recent_of(*masks).medians_s(now_s=14.0) == (0.2, 0.4)


def test_where_masks_are_seldom_the_newest_three_are_recent():
    masks = [(0.0, 9.0, 9.0), (10.0, 4.0, 4.1), (20.0, 5.0, 5.1), (30.0, 6.0, 6.1)]
    assert recent_of(*masks).medians_s(now_s=31.0) == (5.0, 5.1)


@pytest.mark.parametrize("masks", [[], [(0.0, 9.0, 9.0)] * 2, [(0.0, 9.0, 9.0)] * 3])
def test_two_masks_or_old_ones_are_too_few(masks):
    latency_s, age_s = recent_of(*masks).medians_s(now_s=61.0)
    assert (math.isnan(latency_s), age_s) == (True, None)


def test_a_stamp_of_another_clock_gives_no_age():
    statistics = CameraStatistics(start_s=0.0)
    for second in range(3):
        statistics.on_published(now_s=second, since_stamp_s=1e9, since_received_s=0.1)
    assert statistics.recent_latencies_s(now_s=3.0) == (0.1, None)
    for second in range(3, 6):
        statistics.on_published(now_s=second, since_stamp_s=-5.0, since_received_s=0.1)
    assert statistics.recent_latencies_s(now_s=6.0) == (0.1, None)


def test_masks_are_held_back_from_the_first_to_the_newest_of_them_in_a_row():
    statistics = CameraStatistics(start_s=0.0)
    for second in (10.0, 11.0, 14.0):
        statistics.on_held_back(second)
    assert (statistics.held_back, statistics.held_back_s) == (3, 4.0)
    statistics.on_published(now_s=15.0, since_stamp_s=0.1, since_received_s=0.1)
    assert statistics.held_back_s == 0.0
    statistics.on_held_back(20.0)
    assert (statistics.held_back, statistics.held_back_s) == (4, 0.0)
