# SPDX-License-Identifier: Apache-2.0
"""A word's confidence on photographs does not depend on how many others are asked for. The model is `mini`."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from talk2dino_ros.engine import load_segmenter

PHOTOS = Path(__file__).parents[3] / "talk2dino_ros" / "demo" / "photos"
# Nothing of it is in the photographs of a cat and of a cup, nor near to that.
UNRELATED = [
    "accordion", "airliner", "airship", "ambulance", "amphibian", "ant", "apiary", "armadillo", "assault rifle",
    "balance beam", "banjo", "barber chair", "barn", "barometer", "baseball", "basketball", "bathtub", "beacon",
    "beaver", "bee", "bicycle", "bighorn", "binoculars", "bison", "boathouse", "bobsled", "bolete", "bow tie",
    "brass", "bulletproof vest", "bullet train", "butcher shop", "cab", "cannon", "canoe", "carousel", "castle",
    "catamaran", "cello", "chain saw", "chainlink fence", "church", "cinema", "cliff", "coral reef",
    "cowboy boot", "crane", "crutch", "dam", "desktop computer", "dock", "dogsled", "drilling platform", "electric fan",
    "electric guitar", "fire engine", "fireboat", "flagpole", "flute", "football helmet", "forklift", "fountain",
    "freight car", "garbage truck", "gas pump", "geyser", "go-kart", "golf ball", "gondola", "grand piano",
    "greenhouse", "grocery store", "harmonica", "harp", "harvester", "home theater", "hourglass", "iPod", "iron",
    "jeep", "jersey", "jigsaw puzzle", "joystick", "knot", "lakeside", "lawn mower", "library", "lifeboat",
    "limousine", "liner", "lumbermill", "mailbox", "manhole cover", "maypole", "maze", "megalith", "minibus",
    "mobile home", "monastery", "mosque",
]  # fmt: skip


@pytest.fixture(scope="module")
def segmenter():
    segmenter = load_segmenter("mini", device="cpu", backend="torch", precision="fp32")
    return segmenter.with_options(background=segmenter.model.background)


@pytest.mark.parametrize("refine", ["none", "pamr"])
@pytest.mark.parametrize(("photo", "word"), [("chelsea", "cat"), ("coffee", "cup")])
def test_a_hundred_unrelated_words_change_a_confidence_by_less_than_2_of_255(segmenter, photo, word, refine):
    rgb = np.array(Image.open(PHOTOS / f"{photo}.jpg"))
    few = [word, "person", "rocket", "!wall"]
    assert len(UNRELATED) == 100
    refining = segmenter.with_options(refine=refine)
    before, after = (refining.segment(rgb, refining.encode_vocabulary(words)) for words in (few, few + UNRELATED))
    is_seen = before.class_ids == 1
    assert is_seen.mean() > 0.1
    assert (after.class_ids[is_seen] == 1).all()
    change = np.abs(after.confidence[is_seen].astype(int) - before.confidence[is_seen])
    assert change.max() < 2
