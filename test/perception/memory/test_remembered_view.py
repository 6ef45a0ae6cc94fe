# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import cv2
import numpy as np
import pytest
from memory_story import keyframe

from talk2dino_ros.engine.errors import ImageError
from talk2dino_ros.perception.memory.remembered_view import outlined, without_patches
from talk2dino_ros.perception.memory.voxel_map import voxel_keys

CELL = 0.1
POINTS = np.array([[2.05, 0.05 - 0.1 * column, 1.05] for column in range(4)])  # patches from left to right
RED = (0, 0, 255)


def seen(picture: np.ndarray | None):
    jpeg = b"" if picture is None else cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    return keyframe(POINTS, np.eye(8)[:4], jpeg=jpeg)


def red_picture() -> np.ndarray:
    return np.full((48, 64, 3), RED, np.uint8)


def decoded(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)


def keys_of(*patches: int) -> np.ndarray:
    return voxel_keys(POINTS[list(patches)], CELL)[0]


def test_the_outline_is_around_the_places_patches_and_nothing_else_changes():
    """Patches of 16 pixels at the top: the second and third are x 16 to 47, y 0 to 15."""
    view = outlined(seen(red_picture()), keys_of(1, 2), CELL)
    assert view.box == (16, 0, 32, 16)
    away = np.abs(decoded(view.jpeg) - RED).max(axis=2) > 60
    ys, xs = np.nonzero(away)
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == pytest.approx((16, 47, 0, 15), abs=2)
    assert not away[5:11, 21:43].any()  # inside of the outline
    assert not away[24:].any()


def test_forgotten_patches_are_grey_in_the_picture_and_gone():
    rest = without_patches(seen(red_picture()), np.array([False, True, False, True]))
    np.testing.assert_allclose(rest.points, POINTS[[0, 2]], atol=1e-3)
    picture = decoded(rest.jpeg)
    assert np.abs(picture[3:13, 19:29] - 128).max() < 25
    assert np.abs(picture[3:13, 51:61] - 128).max() < 25
    assert np.abs(picture[3:13, 35:45] - RED).max() < 25
    assert np.abs(picture[24:] - RED).max() < 25


def test_a_picture_that_is_missing_or_none_is_said_and_does_not_outlive_a_forgetting():
    for broken in (seen(None), seen(None).with_jpeg(b"no picture")):
        with pytest.raises(ImageError, match="missing or cannot be read"):
            outlined(broken, keys_of(1), CELL)
        rest = without_patches(broken, np.array([True, False, False, False]))
        assert (rest.jpeg, len(rest.points)) == (b"", 3)


def test_a_place_that_is_not_in_the_picture_is_said():
    with pytest.raises(ImageError, match="not in its picture"):
        outlined(seen(red_picture()), voxel_keys(np.array([[9.0, 9.0, 9.0]]), CELL)[0], CELL)


@pytest.mark.parametrize("grid", [(28, 28), (37, 26), (7, 11)])
def test_between_neighbouring_patches_no_line_is_left(grid):
    rows, columns = grid
    height, width = 240 / rows, 320 / columns
    x, y = np.meshgrid((np.arange(columns) + 0.5) * width, (np.arange(rows) + 0.5) * height)
    centres = np.rint(np.column_stack([x.ravel(), y.ravel()])).astype(np.uint16)
    count = len(centres)
    image = replace(
        keyframe(np.tile([[2.0, 0.0, 1.0]], (count, 1)), np.ones((count, 8))),
        centres=centres,
        patch_size=(height, width),
        jpeg=cv2.imencode(".jpg", np.full((240, 320, 3), (0, 0, 255), np.uint8))[1].tobytes(),
    )
    forgotten = without_patches(image, np.ones(count, np.bool_))
    picture = cv2.imdecode(np.frombuffer(forgotten.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(picture.astype(int) - 128).max() <= 2
