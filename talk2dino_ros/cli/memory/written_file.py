# SPDX-License-Identifier: Apache-2.0
"""Write a result so that it is there whole, or not at all."""

from pathlib import Path

from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.viz.pictures import UnwritableError


def write_file(path: Path, content: bytes) -> None:
    """Write a file; raise UnwritableError where that cannot be."""
    try:
        write_atomically(path, content)
    except OSError as error:
        raise UnwritableError(
            f"{path} could not be written ({error}), expected a folder with room for it; name another"
        ) from error
