# SPDX-License-Identifier: Apache-2.0
"""CLIP's tokenizer, which is open_clip's, without the rest of that package: it imports torchvision and transformers,
which takes two seconds and 250 MB, and a tokenizer needs neither.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from torch import Tensor

from talk2dino_ros.engine.errors import ModelError

# Prompts and a context's length to ids int64 [N, length]: start, text, end, zeros; a longer text is cut before its end.
Tokenize = Callable[[Sequence[str], int], Tensor]


def clip_tokenizer() -> Tokenize:
    """Return open_clip's `tokenize`. Raises ModelError where that is not installed."""
    package = find_spec("open_clip")  # imports nothing
    if package is None or not package.submodule_search_locations:
        raise ModelError(
            "the package open_clip is missing, expected it for CLIP's tokenizer; pip install open_clip_torch"
        )
    path = Path(package.submodule_search_locations[0]) / "tokenizer.py"
    # under its own name, so that a part of the package that it may import one day is found; nobody else gets to see it
    spec: Any = spec_from_file_location("open_clip.tokenizer", path)
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    tokenize: Callable[[list[str], int], Tensor] = module.tokenize
    return lambda prompts, length: tokenize(list(prompts), length)
