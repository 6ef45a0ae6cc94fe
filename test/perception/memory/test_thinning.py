# SPDX-License-Identifier: Apache-2.0
from memory_story import keyframe, pose_at

from talk2dino_ros.perception.memory.thinning import in_order_of_worth
from talk2dino_ros.perception.memory.voxel_map import VoxelMap

RED = [1.0, 0.0]
A, B, C = (2.05, 0.05, 1.05), (2.05, 1.05, 1.05), (2.05, 2.05, 1.05)


def test_the_oldest_views_of_what_is_seen_best_elsewhere_go_first():
    """1 and 2 see A from afar, 3 from near; 4 alone sees B; 5 alone B's neighbour C and more."""
    far, near = pose_at(0.05), pose_at(1.05)
    seen = {
        1: keyframe([A], [RED], pose=far, stamp_s=20),
        2: keyframe([A], [RED], pose=far, stamp_s=10),
        3: keyframe([A], [RED], pose=near, stamp_s=30),
        4: keyframe([B], [RED], pose=near, stamp_s=40),
        5: keyframe([C, (2.05, 2.15, 1.05)], [RED, RED], pose=near, stamp_s=5),
    }
    voxels = VoxelMap(0.1, 2)
    for number, each in seen.items():
        voxels.add(each, number)
    stamps = {number: each.stamp_ns for number, each in seen.items()}
    assert in_order_of_worth(stamps, voxels) == [2, 1, 3, 4, 5]


def test_a_voxel_that_is_gone_is_no_reason_to_keep_its_view():
    voxels = VoxelMap(0.1, 2)
    voxels.add(keyframe([A], [RED], stamp_s=2), 1)
    voxels.add(keyframe([B], [RED], stamp_s=1), 2)
    voxels.columns["detections"][voxels.columns["best_keyframe"] == 1] = 0
    assert in_order_of_worth({1: 2, 2: 1}, voxels) == [1, 2]
