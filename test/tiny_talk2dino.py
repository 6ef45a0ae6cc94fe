# SPDX-License-Identifier: Apache-2.0
"""The tiny Talk2DINO of training_photos.py, with a projection; as a program, the command line with it in its table.

python -m tiny_talk2dino train recipe.yaml photos --output own.safetensors
"""

import sys
from dataclasses import replace
from functools import partial

from training_photos import TEXT_WIDTH, WIDTH, tiny_row

from talk2dino_ros.cli.main import main
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.registry import MODELS


def tiny_talk2dino() -> Model:
    """The row; its published projection is nowhere."""
    row = tiny_row()
    return replace(row, load_projection=partial(row.load_projection, text_size=TEXT_WIDTH, embedding_size=WIDTH))


if __name__ == "__main__":
    MODELS["tiny"] = tiny_talk2dino()
    sys.exit(main(sys.argv[1:]))
