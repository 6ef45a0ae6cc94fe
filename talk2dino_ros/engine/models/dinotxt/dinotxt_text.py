# SPDX-License-Identifier: Apache-2.0
"""Prompts to the vectors that patches are compared with: the patch half of dino.txt's text features.

A class's vector is the mean over its prompts of these unit vectors, at unit length again; the engine does that for
every model (`embeddings.encode_classes`, `Vocabulary`).
"""

from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from talk2dino_ros.engine.models.clip_text import ClipTextEncoder
from talk2dino_ros.engine.models.dinotxt.dinotxt_layouts import text_part
from talk2dino_ros.engine.models.dinotxt.text_tower import TextTower
from talk2dino_ros.engine.text.clip_tokenizer import clip_tokenizer
from talk2dino_ros.engine.weights.state_dicts import build_and_load
from talk2dino_ros.engine.weights.weights_files import Checkpoint


def patch_half(features: Tensor) -> Tensor:
    """Cut text features [N, 2 D] to the half trained against the mean of the patches: [N, D], at unit length.

    First cut, then normalised: over both halves the class token's would set the length.
    """
    return F.normalize(features[:, features.shape[1] // 2 :], dim=-1)


class DinoTxtTextEncoder(ClipTextEncoder):
    """dino.txt's text tower, a TextTower, behind CLIP's tokenizer, in batches of few shapes as CLIP's own tower."""

    def _encode_tokens(self, tokens: Tensor) -> Tensor:
        """Map token ids [N, length] to unit vectors float32 [N, D]."""
        return patch_half(self.tower(tokens))


def load_dinotxt_text_encoder(checkpoints: Mapping[str, Checkpoint], **options: Any) -> DinoTxtTextEncoder:
    """Build the text tower (of another size by `options`) and fill it from the `text` checkpoint of either release.

    Raises WeightsError for a file that does not fit.
    """
    checkpoint = checkpoints["text"]
    state = text_part(checkpoint.read(), checkpoint.path)
    tower = build_and_load(lambda: TextTower(**options), state, checkpoint.path, remedy=checkpoint.remedy)
    return DinoTxtTextEncoder(tower, clip_tokenizer())
