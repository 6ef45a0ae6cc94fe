# SPDX-License-Identifier: Apache-2.0
"""The figures of benchmarks/node_soak.py, by hand: a camera with an image every 10 ms."""

from benchmarks import soak_figures as figures

MS = 10**6
STAMPS = [number * 10 * MS for number in range(100)]


def masks(*moments):
    """Masks of images taken at some ms, published at some ms."""
    return [figures.Mask(taken * MS, published * MS) for taken, published in moments]


def test_a_model_that_takes_the_newest_image_passes_over_no_newer_one():
    ages = figures.ages_of(STAMPS, masks((0, 35), (30, 69), (60, 105)))
    assert ages["newer_images_when_the_model_took_one"] == {"0": 2}
    assert ages["stamp_to_mask_ms"] == {"p50": 39.0, "p99": 45.0, "max": 45.0}
    # the newest image was that of 30, of 60 and of 100 ms
    assert ages["behind_the_newest_image_ms"] == {"p50": 30.0, "p99": 40.0, "max": 40.0}
    assert ages["masks_out_of_order"] == 0


def test_a_queue_takes_images_that_newer_ones_have_overtaken():
    ages = figures.ages_of(STAMPS, masks((0, 35), (10, 69), (20, 105)))
    assert ages["newer_images_when_the_model_took_one"] == {"2": 1, "4": 1}  # 20 and 30 ms; 30, 40, 50 and 60 ms


def test_an_image_that_came_after_the_model_was_free_is_no_older_than_the_newest():
    ages = figures.ages_of(STAMPS, masks((0, 5), (10, 15)))
    assert ages["newer_images_when_the_model_took_one"] == {"0": 1}


def test_masks_that_go_back_are_counted():
    assert figures.ages_of(STAMPS, masks((20, 35), (10, 69), (10, 80)))["masks_out_of_order"] == 2


def test_every_image_is_accounted_for():
    counts = {"images received": "10", "masks published": "4", "images dropped": "3", "wrong images": "1"}
    assert figures.counts_of(counts)["images_unaccounted"] == 2


def test_the_masks_of_a_minute_stand_beside_the_memory_at_its_end():
    minute = figures.MINUTE_NS
    stamps = [0, minute, 2 * minute]
    memory = [figures.Sample(0, 100.0), figures.Sample(minute, 101.0), figures.Sample(2 * minute, 102.0)]
    some = [figures.Mask(0, 5 * MS), figures.Mask(0, minute + MS), figures.Mask(minute, minute + 2 * MS)]
    rows = figures.by_minute(stamps, some, memory)
    assert [(row["minutes"], row["resident_mb"], row.get("masks")) for row in rows] == [
        (0.0, 100.0, None), (1.0, 101.0, 1), (2.0, 102.0, 2)
    ]  # fmt: skip
    assert rows[2]["behind_ms"]["max"] == 60e3


def test_memory_grows_by_the_slope_of_its_samples():
    minute = figures.MINUTE_NS
    memory = [figures.Sample(5 + number * minute, 100.0 + 2 * number) for number in range(4)]  # 2 MB a minute
    assert abs(figures.growth_mb_per_hour(memory) - 120.0) < 1e-6
    noise = [figures.Sample(number * minute, mb) for number, mb in enumerate((100.0, 101.0, 101.0, 100.0))]
    assert abs(figures.growth_mb_per_hour(noise)) < 1e-6
    assert figures.growth_mb_per_hour(memory[:1]) == 0.0
