# SPDX-License-Identifier: Apache-2.0
"""The folder for caches."""

from __future__ import annotations

import os
from pathlib import Path


def standard_folder() -> Path:
    """Return the user's cache folder for this package, as the XDG base directories have it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "talk2dino_ros"
