# SPDX-License-Identifier: Apache-2.0
"""Files that are a memory's by their name, and not by what they hold: found by `python -m benchmarks.fuzz`."""

import dataclasses
import sqlite3

import numpy as np
import pytest
from memory_story import KIND, at_file, filled, reopened, seeded_keyframe, stamps

from talk2dino_ros.perception.memory.disk.sealed_rows import pack
from talk2dino_ros.perception.memory.spatial_memory import SpatialMemory


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ALTER TABLE meta RENAME COLUMN value TO other", "its table meta has other columns"),
        ("ALTER TABLE keyframes DROP COLUMN jpeg", "its table keyframes has other columns"),
        ("DROP TABLE basis", "without its table basis"),
        ("CREATE TRIGGER t AFTER INSERT ON keyframes BEGIN SELECT RAISE(ABORT, 'no'); END", "triggers or views"),
        ("UPDATE meta SET value = 'many' WHERE name = 'kind.dimensions'", "invalid literal"),
        ("UPDATE meta SET value = -1 WHERE name = 'kind.dimensions'", "-1 dimensions"),
        (
            "UPDATE meta SET value = 9223372036854775807 WHERE name = 'kind.dimensions'",
            "9223372036854775807 dimensions",
        ),
        ("UPDATE basis SET directions = 'text'", "it is cut off"),
    ],
)
def test_a_file_whose_tables_are_no_memorys_is_moved_aside(store, statement, said):
    """What SQLite or NumPy said of them ended the start."""
    filled(store).close()
    database = sqlite3.connect(at_file(store))
    database.execute(statement)
    database.commit()
    database.close()
    again = reopened(store)
    assert said in again.notices[0]
    assert len(list(store.folder.glob("memory.sqlite3.damaged-*"))) == 1
    assert stamps(filled(again)) == [1, 2, 3]
    again.close()


def test_a_text_that_is_no_utf_8_leaves_the_others_theirs(store):
    filled(store).close()
    database = sqlite3.connect(at_file(store))
    database.execute("UPDATE meta SET value = CAST(x'6dff' AS TEXT) WHERE name = 'kind.frame'")
    database.execute("UPDATE keyframes SET camera = CAST(x'ff' AS TEXT) WHERE id = 2")
    database.commit()
    database.close()
    again = reopened(store)
    assert again.kind == dataclasses.replace(KIND, frame="m\ufffd")
    assert [keyframe.camera for _, keyframe in again] == ["", "\ufffd", ""]
    again.close()


def wide(keyframe):
    return dataclasses.replace(keyframe, codes=np.full((len(keyframe.codes), 5000), 7, np.int8))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (wide, "5000 coefficients, of a basis of 8"),
        (lambda keyframe: keyframe.only(np.zeros(20, bool)), "no patch"),
        (lambda keyframe: dataclasses.replace(keyframe, scales=np.full(20, np.nan, np.float32)), "scales"),
        (lambda keyframe: dataclasses.replace(keyframe, scales=np.full(20, 1e30, np.float32)), "scales"),
        (lambda keyframe: dataclasses.replace(keyframe, patch_size=(float("inf"), 1.0)), "pixels"),
        (lambda keyframe: dataclasses.replace(keyframe, stamp_ns=2**62), "stamp"),
    ],
)
def test_a_row_of_a_good_sum_that_does_not_fit_the_store_is_skipped(store, written, said):
    """Coefficients beyond the basis were written behind the voxels' memory."""
    filled(store)
    store._database.execute(
        "UPDATE keyframes SET head = ?, body = ? WHERE id = 2", pack(written(seeded_keyframe(2)))[:2]
    )
    again = reopened(store)
    assert SpatialMemory(again, cell_m=0.1).keyframes == 2
    assert again.damaged == [2]
    assert said in again.notices[0]
    again.close()
