# SPDX-License-Identifier: Apache-2.0
"""A PAMR that computes something else, in the right shapes."""

from talk2dino_ros.engine.inference.pamr.pamr_paths import PamrPath
from talk2dino_ros.engine.inference.pamr.pamr_plain import pamr_plain

WRONG_PAMR = PamrPath(lambda rgb, scores, count: pamr_plain(rgb, scores).flip(-2), "a wrong kernel")
