# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import cv2
import numpy as np
import pytest
from memory_room import LAMP, MUG, memory_in, seen_from
from memory_story import KIND

from talk2dino_ros.perception.memory.spatial_memory import SeenImage
from talk2dino_ros.perception.memory.voxel_colours import voxel_colours
from talk2dino_ros.perception.memory.voxel_map import voxel_keys


@pytest.fixture
def memory(tmp_path):
    memory = memory_in(tmp_path)
    yield memory
    memory.store.close()


def seen(left, right, y=0.0, stamp_s=1.0) -> SeenImage:
    """The mug in the left half of a picture of 64 x 32 pixels, and the lamp in the right one; colours in RGB."""
    picture = np.full((32, 64, 3), left[::-1], np.uint8)
    picture[:, 32:] = right[::-1]
    jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    image = seen_from(y, {MUG: "mug", LAMP: "lamp"}, stamp_s)
    features, points = image.features[:2], image.points[:2]
    centres = np.array([[16, 16], [48, 16]])
    return replace(image, features=features, points=points, centres=centres, patch_size=(16, 16), jpeg=jpeg)


def colours_of(memory, *points):
    keys, _ = voxel_keys(np.array(points), memory.cell_m)
    return voxel_colours(memory)[memory.voxels.find(keys)].astype(int)


def test_a_voxel_has_the_colour_of_its_patch_in_the_picture_from_nearest(memory):
    memory.remember(seen((200, 40, 40), (40, 40, 200)), KIND)  # the mug is straight ahead
    memory.remember(seen((40, 200, 40), (200, 200, 40), y=1.0, stamp_s=2.0), KIND)  # and now the lamp is
    assert np.abs(colours_of(memory, MUG, LAMP) - [(200, 40, 40), (200, 200, 40)]).max() <= 8


def test_without_its_picture_a_voxel_is_grey(memory):
    memory.remember(replace(seen((200, 40, 40), (40, 40, 200)), jpeg=b""), KIND)
    assert colours_of(memory, MUG).tolist() == [[128, 128, 128]]
