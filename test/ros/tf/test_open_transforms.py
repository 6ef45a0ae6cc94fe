# SPDX-License-Identifier: Apache-2.0
"""Without tf2_ros and tf2_msgs nothing answers for TF, and a sentence says so."""

import pytest

from talk2dino_ros.ros.tf import open_transforms
from talk2dino_ros.ros.tf.transforms import TransformError


def test_without_either_library_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_transforms, "is_installed", lambda _package: False)
    with pytest.raises(TransformError, match=r"^Neither tf2_ros nor tf2_msgs .*sudo apt install ros-"):
        open_transforms.open_transforms(node=None)
