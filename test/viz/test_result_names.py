# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from talk2dino_ros.viz.result_names import result_names


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["in/a.jpg", "in/b.jpg"], ["a", "b"]),
        (["in/a.jpg", "in/a.png", "in/b.jpg"], ["a.jpg", "a.png", "b"]),
        (["left/a.jpg", "right/a.jpg"], ["left_a.jpg", "right_a.jpg"]),
        (["1/in/a.jpg", "2/in/a.jpg", "3/in/a.png"], ["in_a.jpg", "in_a.jpg_2", "a.png"]),
        (["in/A.jpg", "in/a.png"], ["A.jpg", "a.png"]),  # one name on the disks of other systems
        (["in/A.JPG", "in/a.jpg"], ["in_A.JPG", "in_a.jpg_2"]),
        (["in/a.jpg", "in/a.png", "in/a.jpg.png"], ["a.jpg", "a.png", "a.jpg.png"]),
        ([], []),
    ],
)
def test_each_source_has_a_name_of_its_own(sources, names):
    assert result_names([Path(source) for source in sources]) == names


def test_a_name_that_is_not_free_is_passed_over():
    sources = [Path("in/a.jpg"), Path("in/b.jpg")]
    assert result_names(sources, lambda name: name != "a") == ["a.jpg", "b"]
    assert result_names(sources, lambda name: name not in ("a", "a.jpg", "in_a.jpg")) == ["in_a.jpg_2", "b"]
