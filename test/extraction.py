# SPDX-License-Identifier: Apache-2.0
"""What the tests of the extraction share: its options and its captions."""

from training_photos import INPUT_SIZE

COUNT, PART = 10, 4
OPTIONS = {"batch": 3, "input_size": INPUT_SIZE, "part_size": PART, "threads": 1, "progress": False}


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}
