# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from memory_story import seeded_keyframe

from talk2dino_ros.perception.memory.disk.sealed_rows import (
    DamagedRowError,
    KeyframeRow,
    opened,
    pack,
    pack_head,
    sealed,
    unpack,
)
from talk2dino_ros.perception.memory.keyframe import Keyframe


def same(one: Keyframe, other: Keyframe) -> bool:
    arrays = ("codes", "scales", "millimetres", "centres")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays) and (
        (one.stamp_ns, one.camera, one.pose, one.patch_size, one.jpeg)
        == (other.stamp_ns, other.camera, other.pose, other.patch_size, other.jpeg)
    )


def test_a_keyframe_comes_back_bit_by_bit():
    keyframe = seeded_keyframe(1)
    assert same(unpack(pack(keyframe), keyframe.camera), keyframe)
    empty = keyframe.only(np.zeros(20, bool))
    assert same(unpack(pack(empty), ""), empty)


def test_any_changed_byte_is_detected():
    row, random = pack(seeded_keyframe(2)), np.random.default_rng(0)
    for part in range(3):
        for at in random.integers(0, len(row[part]), 30).tolist():
            data = bytearray(row[part])
            data[at] ^= 0x10
            with pytest.raises(DamagedRowError):
                unpack(KeyframeRow(*row[:part], bytes(data), *row[part + 1 :]), "")


def test_a_part_that_is_cut_off_or_no_bytes_is_damaged():
    row = pack(seeded_keyframe(2))
    for other in (b"", row.body[:2], row.body[:-1], None, 7):
        with pytest.raises(DamagedRowError):
            unpack(KeyframeRow(row.head, other, row.jpeg), "")


def test_a_part_with_a_good_sum_and_a_foreign_content_is_damaged():
    row = pack(seeded_keyframe(2))
    for foreign in (
        KeyframeRow(sealed(b"short"), row.body, row.jpeg),
        KeyframeRow(row.head, sealed(b"no deflate"), row.jpeg),
    ):
        with pytest.raises(DamagedRowError):
            unpack(foreign, "")


def test_the_head_alone_holds_the_pose():
    keyframe, other = seeded_keyframe(5), seeded_keyframe(6)
    row = pack(keyframe)._replace(head=pack_head(7, other.pose))
    assert (unpack(row, "").stamp_ns, unpack(row, "").pose) == (7, other.pose)


def test_a_sealed_row_opens_to_its_content():
    assert opened(sealed(b"abc")) == b"abc"
