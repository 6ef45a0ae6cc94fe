# SPDX-License-Identifier: Apache-2.0
"""Protocol of every model's text tower."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor


class TextEncoder(Protocol):
    """Prompts to text features."""

    def encode(self, prompts: Sequence[str]) -> Tensor:
        """Return float32 [N, D], not normalised, on the encoder's device; each row whatever the others are."""
        ...

    def truncated(self, prompts: Sequence[str]) -> list[bool]:
        """Tell for each prompt whether the encoder reads only its beginning."""
        ...

    def to(self, device: str) -> Any: ...
