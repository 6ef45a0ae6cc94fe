# SPDX-License-Identifier: Apache-2.0
"""The two papers' inference protocols as options of the engine. Templates are always the model's.

Talk2DINO: mmseg's pipeline (`img_scale=(2048, 448)`, mmcv's resize), windows of 448 at stride 224, averaged sigmoids.
dino.txt: its notebook for segmentation, windows of 3/4 of the short side, averaged softmax; no background, no PAMR.
"""

Way = dict[str, str | int | float]

PROTOCOLS: dict[str, Way] = {
    "talk2dino": {
        "input": "slide",
        "input_size": 448,
        "window_share": 1.0,
        "resize": "mmcv",
        "window_scores": "sigmoid",
    },
    "dinotxt": {
        "input": "slide",
        "input_size": 512,  # where the patch is 14 the nearest multiples: 518, and windows of 392 for 384
        "window_share": 0.75,
        "resize": "bicubic",
        "window_scores": "softmax",
    },
}


def departures(protocol: str, options: Way) -> list[str]:
    """Name the options that depart from a protocol, so that the figure is not compared with a published one."""
    way = PROTOCOLS[protocol]
    return [f"{key} {options[key]}, not the protocol's {value}" for key, value in way.items() if options[key] != value]


def own_threshold(model: str, window_scores: object) -> float | None:
    """Return the model's own threshold; None where it has none, and with `softmax`, as it is one for sigmoids."""
    from talk2dino_ros.engine.models.registry import find_model  # imports torch; the command line reads this module

    return None if window_scores == "softmax" else find_model(model).background or None
