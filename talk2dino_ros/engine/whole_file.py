# SPDX-License-Identifier: Apache-2.0
"""Files that are written whole or not at all."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one step, so that it is never half written, in a folder that is there.

    Raises OSError; what was there stays. A power cut in the middle leaves a hidden file that ends in `.part`.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")  # of this process, on whatever machine
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        with suppress(OSError):  # what kept the file from being written may keep the part too
            part.unlink(missing_ok=True)
        raise
