# SPDX-License-Identifier: Apache-2.0
"""Presets: names for a handful of options, each of which can be set alone as well. Standard library only.

The keys are keywords of `load_segmenter` and, under the same names, parameters of the node.
"""

PRESETS: dict[str, dict[str, str | int]] = {
    "quality": {"input": "slide", "input_size": 0, "refine": "pamr", "refine_pixels": 1280 * 720},
    "balanced": {"input": "square", "input_size": 0, "refine": "pamr", "refine_pixels": 640 * 480},
    "fast": {"input": "square", "input_size": 168, "refine": "pamr", "refine_pixels": 128 * 96},
    "jetson": {
        "precision": "fp16",
        "input": "square",
        "input_size": 336,
        "refine": "pamr",
        "refine_pixels": 320 * 240,
    },
}
