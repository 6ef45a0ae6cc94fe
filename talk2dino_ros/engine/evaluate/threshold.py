# SPDX-License-Identifier: Apache-2.0
"""The default threshold for data sets with a background class.

Not in protocols.py, as the command line reads that for its arguments, and this needs the networks' libraries.
"""

from talk2dino_ros.engine.models.registry import find_model


def own_threshold(model: str, window_scores: object) -> float | None:
    """Return the model's own; None where it has none, and with `softmax`, as it is one for sigmoids."""
    return None if window_scores == "softmax" else find_model(model).background or None
