# SPDX-License-Identifier: Apache-2.0
import pytest

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.options import Options


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"input": "round"}, "input is 'round', expected one of square, slide, aspect"),
        ({"refine": "crf"}, "refine is 'crf', expected one of none, pamr"),
        ({"background": 1.5}, "background is 1.5, expected a score from 0"),
        ({"background": -0.1}, "background is -0.1"),
        ({"unlabeled_id": 256}, r"unlabeled_id is 256, expected 0\.\.255"),
    ],
)
def test_an_option_out_of_range_is_refused(changes, sentence):
    with pytest.raises(ModelError, match=sentence):
        Options(**changes)


def test_the_defaults_are_the_contract():
    assert Options() == Options("square", "none", None, False, 255)
