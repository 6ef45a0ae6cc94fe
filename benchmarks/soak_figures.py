# SPDX-License-Identifier: Apache-2.0
"""Compute the figures of a soak test from the times at which images and masks were published.

When the model is free it has to take the newest image. It is free when it has published a mask; how many images newer
than the one it then took the camera had published by that moment is what is counted: 0 where the newest won.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from talk2dino_ros.segmenter.statistics import percentile

MINUTE_NS = 60 * 10**9


class Mask(NamedTuple):
    """One mask: the stamp of its image, and when the node published it, in ns of the machine's clock."""

    stamp: int
    published: int


class Sample(NamedTuple):
    """The node's resident memory in MB at a moment in ns."""

    when: int
    resident_mb: float


def counts_of(counts: dict[str, str]) -> dict[str, int]:
    """Return the node's counts of the images, from /diagnostics."""
    received, processed = int(counts["images received"]), int(counts["masks published"])
    dropped, wrong = int(counts["images dropped"]), int(counts["wrong images"])
    return {
        "images_received": received,
        "images_processed": processed,
        "images_dropped": dropped,
        "images_wrong": wrong,
        "images_unaccounted": received - processed - dropped - wrong,
    }


def ages_of(stamps: Sequence[int], masks: Sequence[Mask]) -> dict[str, Any]:
    """Return the masks' ages when they were published, and whether the newest image won each time.

    stamps: of the camera's images; masks: in the order in which they were published; both in ns.
    """
    taken = [images_between(stamps, mask.stamp, before.published) for before, mask in pairwise(masks)]
    return {
        "stamp_to_mask_ms": spread([(mask.published - mask.stamp) / 1e6 for mask in masks]),
        "behind_the_newest_image_ms": spread(behind_newest_ms(stamps, masks)),
        "newer_images_when_the_model_took_one": {str(k): n for k, n in sorted(Counter(taken).items())},
        "masks_out_of_order": sum(mask.stamp <= before.stamp for before, mask in pairwise(masks)),
    }


def images_between(stamps: Sequence[int], taken: int, free: int) -> int:
    """Count the images newer than the one `taken` when the model was `free`; 0: the newest won."""
    return max(bisect_right(stamps, free) - bisect_right(stamps, taken), 0)


def behind_newest_ms(stamps: Sequence[int], masks: Sequence[Mask]) -> list[float]:
    """Return for each mask how much older its image is than the newest that the camera had published by then."""
    return [(stamps[bisect_right(stamps, mask.published) - 1] - mask.stamp) / 1e6 for mask in masks]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, 99th percentile and largest; nothing of no values."""
    if not values:
        return {}
    figures = {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99), "max": max(values)}
    return {name: round(value, 1) for name, value in figures.items()}


def by_minute(stamps: Sequence[int], masks: Sequence[Mask], memory: Sequence[Sample]) -> list[dict[str, Any]]:
    """Return memory at each sample, and the ages of the masks since the one before."""
    rows: list[dict[str, Any]] = [{"minutes": 0.0, "resident_mb": memory[0].resident_mb}]
    for before, now in pairwise(memory):
        some = [mask for mask in masks if before.when <= mask.published < now.when]
        minutes = round((now.when - memory[0].when) / MINUTE_NS, 2)
        behind = spread(behind_newest_ms(stamps, some))
        rows.append({"minutes": minutes, "resident_mb": now.resident_mb, "masks": len(some), "behind_ms": behind})
    return rows


def growth_mb_per_hour(memory: Sequence[Sample]) -> float:
    """Return the slope of the line through the samples by least squares; 0.0 for fewer than two."""
    hours = [(each.when - memory[0].when) / (60 * MINUTE_NS) for each in memory]
    if len(memory) < 2 or not hours[-1]:
        return 0.0
    middle, mean_mb = sum(hours) / len(hours), sum(each.resident_mb for each in memory) / len(memory)
    covariance = sum((hour - middle) * (each.resident_mb - mean_mb) for hour, each in zip(hours, memory, strict=True))
    return covariance / sum((hour - middle) ** 2 for hour in hours)


def said(facts: dict[str, Any]) -> str:
    """Summarise the results in one line."""
    first, *_, last = facts["memory"]
    taken = facts["newer_images_when_the_model_took_one"]
    return (
        f"{last['minutes']:.1f} minutes of images at {facts['rate_hz']:g} Hz, {facts['images_processed']} of "
        f"{facts['images_received']} segmented: node {first['resident_mb']:.0f} MB after warm-up, "
        f"{last['resident_mb']:.0f} MB at the end; the newest image was taken {taken.get('0', 0)} of "
        f"{sum(taken.values())} times"
    )


def table_lines(facts: dict[str, Any], machine: str, json_name: str) -> list[str]:
    """Return the results as Markdown lines."""
    counts = {name.replace("_", " "): value for name, value in facts.items() if name.startswith("images_")}
    newer = ", ".join(f"{k}: {n} times" for k, n in facts["newer_images_when_the_model_took_one"].items())
    rows = {
        **counts,
        "stamp to mask published, ms": in_words(facts["stamp_to_mask_ms"]),
        "mask behind the newest image, ms": in_words(facts["behind_the_newest_image_ms"]),
        "images newer than the one the model took": newer,
        "masks out of order": facts["masks_out_of_order"],
    }
    return [
        f"# {facts['model']} with images of {facts['image']} at {facts['rate_hz']:g} Hz",
        "",
        f"Written by `python -m benchmarks.node_soak` from [{json_name}]({json_name}). {facts['note']}",
        "",
        f"{machine}.",
        "",
        "| what | measured |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows.items()),
        "",
        "| minutes after warm-up | resident memory | masks since | behind the newest image, ms |",
        "|---|---|---|---|",
        *(memory_line(row) for row in facts["memory"]),
    ]


def memory_line(row: dict[str, Any]) -> str:
    behind = in_words(row.get("behind_ms"))
    return f"| {row['minutes']} | {row['resident_mb']} MB | {row.get('masks', '')} | {behind} |"


def in_words(values: dict[str, float] | None) -> str:
    return f"median {values['p50']}, p99 {values['p99']}, at most {values['max']}" if values else ""
