# SPDX-License-Identifier: Apache-2.0
import dataclasses
import struct
import zlib

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


def test_a_body_is_columns_of_codes_scales_and_differences():
    """By hand: two patches of three coefficients, each array column after column."""
    keyframe = dataclasses.replace(
        seeded_keyframe(1),
        codes=np.array([[1, 2, 3], [-1, -2, -3]], np.int8),
        scales=np.array([0.5, 0.25], np.float32),
        millimetres=np.array([[-32000, 7, 100], [32000, 8, 99]], np.int16),
        centres=np.array([[8, 640], [24, 8]], np.uint16),
        patch_size=(16.0, 14.0),
    )
    body = zlib.decompress(opened(pack(keyframe).body))
    differences = 64000 - 65536  # of what int16 holds
    assert body == struct.pack("<IIff", 2, 3, 16.0, 14.0) + struct.pack("<6b", 1, -1, 2, -2, 3, -3) + struct.pack(
        "<2f6h4H", 0.5, 0.25, *(-32000, differences, 7, 1, 100, -1), *(8, 16, 640, 65536 - 632)
    )
    assert same(unpack(pack(keyframe), ""), keyframe)


def test_sparse_and_dense_features_are_each_deflated_in_the_way_that_makes_less_of_them():
    """Dense codes are coded near to their entropy, sparse ones far below that of their single values."""
    random = np.random.default_rng(0)
    dense = np.rint(random.laplace(0, 4, (1000, 64))).clip(-127, 127).astype(np.int8)
    sparse = np.zeros((1000, 64), np.int8)
    sparse[:, ::16] = random.choice(np.array([0, 90], np.int8), (1000, 1))  # four columns say the same
    for codes, most in ((dense, 1.02 * entropy(dense)), (sparse, 0.5 * entropy(sparse))):
        keyframe = dataclasses.replace(
            seeded_keyframe(1, patches=1000), codes=codes, millimetres=np.zeros((1000, 3), np.int16)
        )
        keyframe = dataclasses.replace(
            keyframe, scales=np.ones(1000, np.float32), centres=np.zeros((1000, 2), np.uint16)
        )
        assert len(pack(keyframe).body) < most + 14_000 / 8 + 1500  # a bit for each byte of the rest, which is 0
        assert same(unpack(pack(keyframe), ""), keyframe)


def entropy(codes: np.ndarray) -> float:
    """Bytes that values take where each is coded alone by how frequent it is."""
    _, counts = np.unique(codes, return_counts=True)
    return float(-(counts * np.log2(counts / codes.size)).sum() / 8)


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
