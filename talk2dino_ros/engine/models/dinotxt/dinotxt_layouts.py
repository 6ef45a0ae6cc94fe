# SPDX-License-Identifier: Apache-2.0
"""The two layouts in which dino.txt's head and text tower are published, turned into this package's names.

DINOv2's release has a file for each; DINOv3's has both in one, under `visual_model.head.` and `text_model.`. What is
neither goes through as it is, for the strict loader to name.
"""

import re
from collections.abc import Callable
from pathlib import Path

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.weights.state_dicts import StateDict

_HEAD, _TEXT = "visual_model.head.", "text_model."
# a temperature that no argmax sees; DINOv3's release may hold it, DINOv2's does not
_LOGIT_SCALE = "logit_scale"


def head_part(state: StateDict, path: Path) -> StateDict:
    """Return the vision head's tensors of either release under VisionHead's names. Raises WeightsError."""
    return _part(state, path, wanted=_HEAD, other=_TEXT, rename=lambda key: re.sub(r"^block_list\.", "blocks.", key))


def text_part(state: StateDict, path: Path) -> StateDict:
    """Return the text tower's tensors of either release under TextTower's names. Raises WeightsError."""
    return _part(state, path, wanted=_TEXT, other=_HEAD, rename=lambda key: re.sub(r"^(backbone|head)\.", "", key))


def _part(state: StateDict, path: Path, *, wanted: str, other: str, rename: Callable[[str], str]) -> StateDict:
    """Keep one half of a file that has both, or the whole of a file that has one; then rename."""
    if any(key.startswith(wanted) for key in state):
        state = {key: tensor for key, tensor in state.items() if not key.startswith(other) and key != _LOGIT_SCALE}
    renamed: StateDict = {}
    for key, tensor in state.items():
        name = rename(key.removeprefix(wanted))
        if name in renamed:
            raise WeightsError(
                f"{path} holds {name} under two names, one of them {key}, expected one; take the published file"
            )
        renamed[name] = tensor
    return renamed
