# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from talk2dino_ros.perception.space.camera_model import CameraModel
from talk2dino_ros.perception.space.depth import Depth
from talk2dino_ros.perception.space.depth_jumps import find_jumps

WIDTH, HEIGHT, FOCAL = 320, 240, 262.0


def camera(width=WIDTH, height=HEIGHT):
    matrix = np.array([[FOCAL, 0, (WIDTH - 1) / 2], [0, FOCAL, (HEIGHT - 1) / 2], [0, 0, 1]])
    return CameraModel(matrix, (), "plumb_bob", WIDTH, HEIGHT).scaled(width, height)


def depth(metres):
    return Depth(np.array(metres, np.float32), camera(metres.shape[1], metres.shape[0]))


def flat(metres=2.0):
    return np.full((HEIGHT, WIDTH), metres)


def parts(metres, region=None, *, min_area=1, jump_m=0.25, box=None):
    region = np.ones(metres.shape, np.uint8) if region is None else region.astype(np.uint8)
    box = box or (0, 0, metres.shape[1], metres.shape[0])
    return find_jumps(depth(metres), jump_m).parts(region, box, min_area)


def test_a_depth_jump_is_cut_within_a_pixel_of_its_place():
    metres = flat()
    metres[:, 130:] = 3
    left, right = sorted(parts(metres), key=lambda part: part[0].argmax())
    assert abs(int(left.sum()) - 130 * HEIGHT) <= HEIGHT
    assert (left + right == 1).all()
    assert left[:, :129].all()
    assert right[:, 131:].all()


def test_a_jump_below_the_limit_cuts_nothing():
    metres = flat()
    metres[:, 130:] = 2.2
    assert parts(metres) == []
    assert len(parts(metres, jump_m=0.15)) == 2


def test_far_away_a_jump_has_to_be_a_twentieth_of_the_depth():
    metres = flat(10.0)
    metres[:, 130:] = 10.4
    assert parts(metres) == []
    metres[:, 130:] = 10.8
    assert len(parts(metres)) == 2


@pytest.mark.parametrize("camera_height", [0.3, 1.0])
def test_a_floor_at_a_grazing_angle_is_one_piece(camera_height):
    metres = flat(np.nan)
    rows = np.arange(135, HEIGHT)
    metres[135:] = (camera_height * FOCAL / (rows - (HEIGHT - 1) / 2))[:, None]
    assert np.abs(np.diff(metres[135:], axis=0)).max() > 0.25  # 0.3 or 1.0 m from row to row at its far end
    (floor,) = parts(metres, np.isfinite(metres)) or [np.isfinite(metres)]
    assert floor[137:].all()  # its last two rows, where a step is as large as a jump, may go


def test_a_floor_and_the_wall_at_its_end_are_one_surface():
    rows = np.arange(HEIGHT) - (HEIGHT - 1) / 2
    metres = np.full((HEIGHT, WIDTH), 7.5)  # where the floor's last rows are 0.2 m apart, more than half a jump
    metres[155:] = (FOCAL / rows[155:])[:, None]
    assert metres[154, 0] - metres[155, 0] == pytest.approx(0.12, abs=0.02)
    assert parts(metres) == []


def test_a_jump_on_a_slanted_floor_is_found():
    metres = flat()
    metres[:] = 1.0 * FOCAL / (np.arange(HEIGHT) + 40.0)[:, None]
    metres[60:180, 100:200] *= 0.6  # something that stands parallel above it
    found = sorted(parts(metres), key=np.sum)
    assert len(found) == 2
    assert found[0].sum() == pytest.approx(120 * 100, rel=0.05)


def test_the_corner_of_a_room_is_no_jump():
    metres = 1 / (0.2 + 0.002 * np.abs(np.arange(WIDTH) - 160.0))
    assert parts(np.tile(metres, (HEIGHT, 1))) == []


def test_mixed_pixels_along_an_edge_do_not_hide_the_jump():
    metres = flat()
    metres[:, 131:] = 3
    metres[:, 130] = 2.5
    assert len(parts(metres)) == 2


@pytest.mark.parametrize("share", [0.01, 0.02])
def test_noise_does_not_split_a_surface(share):
    rng = np.random.default_rng(0)
    metres = flat(4.0) * (1 + share * rng.standard_normal((HEIGHT, WIDTH)))
    metres[rng.random(metres.shape) < 0.1] = np.nan
    assert parts(metres) == []


def test_noise_does_not_hide_a_jump():
    rng = np.random.default_rng(0)
    metres = flat(2.0)
    metres[:, 130:] = 3
    metres *= 1 + 0.02 * rng.standard_normal((HEIGHT, WIDTH))
    metres[rng.random(metres.shape) < 0.1] = np.nan
    assert len(parts(metres)) == 2


def test_a_stripe_without_depth_across_a_surface_cuts_nothing():
    metres = flat()
    metres[:, 100:120] = np.nan
    assert parts(metres) == []


def test_a_stripe_without_depth_between_two_surfaces_goes_to_the_nearer_of_them_in_the_image():
    metres = flat()
    metres[:, 120:] = 3
    metres[:, 100:120] = np.nan
    left, right = sorted(parts(metres), key=lambda part: part[0].argmax())
    assert abs(int(left[0].sum()) - 110) <= 2
    assert (left + right == 1).all()


def test_without_any_depth_a_region_is_one_piece():
    assert parts(flat(np.nan)) == []


def test_objects_that_touch_at_the_same_depth_are_one_piece():
    metres = flat()
    metres[:, 130:] = np.linspace(3, 2, HEIGHT)[:, None]  # apart above, together below
    assert parts(metres) == []


def test_parts_below_the_smallest_area_are_left_out():
    metres = flat()
    metres[100:140, 100:140] = 1
    small, large = sorted(parts(metres, min_area=1000), key=np.sum)
    assert small.sum() == pytest.approx(1600, rel=0.06)
    (left,) = parts(metres, min_area=2000)
    assert (left == large).all()


def test_a_small_object_before_a_large_one_is_a_part_in_larger_images_too():
    metres = flat()
    metres[100:140, 100:140] = 1
    metres = np.kron(metres, np.ones((4, 4)))
    small, _ = sorted(parts(metres, min_area=20000), key=np.sum)
    assert small.sum() == pytest.approx(1600 * 16, rel=0.06)


def test_the_background_along_a_coarse_masks_border_is_no_part():
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    radius = np.hypot(xs - 160, ys - 120)
    metres = np.where(radius < 40, 1.5, 3.0)
    (tracked,) = parts(metres, radius < 52)  # the ring is as large as the object, but 12 pixels thick
    assert tracked.sum() == pytest.approx(np.pi * 40**2, rel=0.05)


def test_what_a_coarse_mask_spills_over_the_corner_of_a_nearer_box_is_no_part():
    """As `mini` spills a cup behind a box: a patch down from its top edge, two in from its side, half an image away."""
    metres = flat(3.0)
    metres[122:, :136] = 1
    region = np.zeros(metres.shape, np.uint8)
    region[18:122, 51:] = 1
    region[122:177, 136:] = 1
    region[122:131, 51:136] = 1
    region[122:166, 119:136] = 1
    (board,) = parts(metres, region)
    assert board.sum() == pytest.approx(np.count_nonzero(region * (metres > 2)), rel=0.03)


def test_a_half_hidden_object_is_a_part():
    metres = flat()
    metres[:, 130:] = 3
    assert len(parts(metres, box=(70, 0, 100, HEIGHT), region=np.ones((HEIGHT, 100)))) == 2  # 60 and 40 wide


def test_parts_stay_inside_the_region():
    metres = flat()
    metres[:, 130:] = 3
    region = np.zeros(metres.shape)
    region[50:100, 100:160] = 1
    assert (sum(parts(metres, region)) == region).all()


@pytest.mark.parametrize("factor", [2, 3, 5])
@pytest.mark.parametrize("box", [(0, 0, 1, 1), (201, 77, 131, 201), (401, 301, 239, 179), (3, 2, 2, 3)])
def test_larger_images_are_cut_as_finely_as_their_grid_whatever_the_box(factor, box):
    metres = np.kron(flat(), np.ones((factor, factor)))
    metres[:, 260:] = 3
    x, _, width, height = box
    found = parts(metres, np.ones((height, width)), box=box)
    if not x < 260 - 40 < 260 + 40 < x + width:
        assert found == []
        return
    left, right = sorted(found, key=lambda part: part[0].argmax())
    assert (left + right == 1).all()
    assert abs(int(left[0].sum()) - (260 - x)) <= 2 * factor
    sieve = np.random.default_rng(0).random((height, width)) < 0.7
    assert (sum(parts(metres, sieve, box=box)) <= sieve).all()


def test_an_object_thinner_than_the_grid_stays_whole():
    metres = np.kron(flat(), np.ones((4, 4)))
    metres[:, 260:] = 3
    assert parts(metres, np.ones((300, 1)), box=(258, 7, 1, 300)) == []
