# SPDX-License-Identifier: Apache-2.0
"""What `mini` finds on the shipped photographs, through the real engine, at the model's own threshold.

The boxes were drawn by hand, around the object itself, before any point was measured: x0, y0, x1, y1 in pixels.
Settings of the model were chosen on TUNED (and the absent words there); HELD_OUT took no part in the choice,
though its maps were seen on the way.
`pytest -s` prints the figures that docs/mini.md quotes.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.perception.points_of_interest import find_points

ROOT = Path(__file__).parents[3]
PHOTOS = {path.stem: path for folder in ("talk2dino_ros/demo", "test") for path in (ROOT / folder).glob("photos/*.jpg")}
PERSON, SHUTTLE = [(22, 15, 365, 512)], [(355, 0, 472, 290)]
CUP, COFFEE, CAT = [(168, 15, 412, 312)], [(200, 92, 372, 196)], [(20, 0, 400, 300)]
PAGODA, FIG, PAINTBRUSH = [(60, 28, 375, 400)], [(262, 152, 450, 325)], [(0, 0, 565, 504)]
DOGS = [(130, 146, 226, 260), (196, 282, 288, 422)]
MASTS = [(0, 0, 92, 427), (165, 120, 207, 427), (438, 120, 482, 427), (556, 0, 640, 427)]

TUNED = {
    ("astronaut", "helmet"): [(280, 342, 512, 512)],
    ("astronaut", "space shuttle"): SHUTTLE,
    ("astronaut", "rocket"): SHUTTLE,
    ("astronaut", "person"): PERSON,
    ("astronaut", "woman"): PERSON,
    ("astronaut", "flag"): [(0, 0, 98, 512)],
    ("coffee", "cup"): CUP,
    ("coffee", "mug"): CUP,
    ("coffee", "coffee"): COFFEE,
    ("coffee", "espresso"): COFFEE,
    ("chelsea", "cat"): CAT,
    ("chelsea", "kitten"): CAT,
    ("chelsea", "animal"): CAT,
    ("rocket", "rocket"): [(285, 122, 358, 410)],
    ("rocket", "tower"): MASTS,
    ("grace_hopper", "person"): [(10, 20, 512, 600)],
    ("grace_hopper", "hat"): [(145, 20, 374, 182)],
    ("grace_hopper", "uniform"): [(10, 315, 512, 600)],
    ("grace_hopper", "tie"): [(215, 402, 305, 525)],
    ("china", "building"): PAGODA,
    ("china", "pagoda"): PAGODA,
    ("china", "temple"): PAGODA,
}
HELD_OUT = {
    ("dogs", "dog"): DOGS,
    ("dogs", "puppy"): DOGS,
    ("fig", "fig"): FIG,
    ("fig", "fruit"): FIG,
    ("fig", "bowl"): [(142, 52, 637, 431)],
    ("drum", "drum"): [(10, 308, 270, 482)],
    ("drum", "loudspeaker"): [(6, 22, 82, 312)],
    ("drum", "table"): [(118, 183, 405, 373)],
    ("drum", "bottle"): [(193, 75, 228, 214)],
    ("drum", "wine bottle"): [(193, 75, 228, 214)],
    ("raccoon", "animal"): [(0, 0, 592, 425)],
    ("brushes", "brush"): PAINTBRUSH,
    ("brushes", "paintbrush"): PAINTBRUSH,
}
MISSED = {("drum", "bottle"), ("drum", "wine bottle")}  # 2 per cent of the picture: too small for this network

ABSENT = ["airplane", "banana", "bicycle", "bus", "guitar", "horse", "laptop", "sofa", "toilet", "umbrella"]
EVERYDAY = (
    "airplane, animal, apple, backpack, bag, ball, banana, bear, bed, bicycle, bird, boat, book, bottle, "
    "bowl, box, bridge, brush, building, bus, cake, car, cat, chair, clock, coffee, computer, cow, cup, "
    "desk, dog, door, drum, elephant, flag, flower, food, fruit, glasses, guitar, hat, helmet, horse, "
    "keyboard, knife, lamp, laptop, monitor, motorcycle, oven, person, phone, pizza, plant, plate, "
    "refrigerator, rocket, shoe, sink, sofa, speaker, spoon, stairs, table, tie, toilet, tool, tower, "
    "toy, train, tree, truck, tv, umbrella, uniform, vase, window, wine"
)
PRESENT = {
    "astronaut": "person helmet rocket flag uniform hat",
    "brushes": "brush tool toy",
    "chelsea": "cat animal",
    "china": "building tower tree boat",
    "coffee": "cup spoon plate coffee table bowl food",
    "dogs": "dog animal box window door building toy",
    "drum": "drum speaker table bottle wine chair cup bag desk plant glasses window toy",
    "fig": "fruit food bowl plate",
    "grace_hopper": "person hat uniform glasses tie flag",
    "raccoon": "animal plant",
    "rocket": "rocket tower building",
}


@pytest.fixture(scope="module")
def segmenter():
    segmenter = load_segmenter("mini", device="cpu", backend="torch", precision="fp32")
    encoder, seen = segmenter.networks.image_encoder, {}
    encode = encoder.forward

    def encode_once(images, return_attention=False):
        """Each photograph is asked for many words, one at a time; its patches are the same each time."""
        key = images.numpy().tobytes()
        if key not in seen:
            seen[key] = encode(images, return_attention)
        return seen[key]

    encoder.forward = encode_once
    return segmenter.with_options(background=segmenter.model.background)


def read(photo):
    return np.array(Image.open(PHOTOS[photo]))


def points_of(segmenter, photo, word):
    vocabulary = segmenter.encode_vocabulary([word])
    result = segmenter.segment(read(photo), vocabulary)
    return find_points(result.class_ids, result.confidence, vocabulary.labels())


def is_found(segmenter, pair, boxes):
    points = points_of(segmenter, *pair)
    return bool(points) and any(
        x0 <= points[0].pixel[0] < x1 and y0 <= points[0].pixel[1] < y1 for x0, y0, x1, y1 in boxes
    )


def cases(pairs):
    strict = pytest.mark.xfail(reason="docs/mini.md names it as missed", strict=True)
    return [
        pytest.param(pair, boxes, id="-".join(pair), marks=[strict] if pair in MISSED else [])
        for pair, boxes in pairs.items()
    ]


@pytest.mark.parametrize(("pair", "boxes"), cases(TUNED | HELD_OUT))
def test_the_best_point_of_a_word_lies_inside_the_box_drawn_by_hand(segmenter, pair, boxes):
    assert is_found(segmenter, pair, boxes)


@pytest.mark.parametrize("photo", PRESENT)
def test_words_that_are_not_in_the_picture_yield_no_point(segmenter, photo):
    vocabulary = segmenter.encode_vocabulary(ABSENT)
    result = segmenter.segment(read(photo), vocabulary)
    assert find_points(result.class_ids, result.confidence, vocabulary.labels()) == []


def test_of_all_everyday_words_that_are_absent_few_yield_a_point(segmenter):
    wrong, asked = [], 0
    everyday = EVERYDAY.split(", ")
    vocabulary = segmenter.encode_vocabulary(everyday)
    threshold = np.log(segmenter.options.background / (1 - segmenter.options.background))
    for photo, present in PRESENT.items():
        absent = [word for word in everyday if word not in present.split()]
        asked += len(absent)
        peaks = segmenter.segment(read(photo), vocabulary, return_scores=True).scores.max(axis=(1, 2))
        near = [word for word in absent if peaks[everyday.index(word)] > threshold]
        wrong += [(photo, word) for word in near if points_of(segmenter, photo, word)]
    print(f"\n{len(wrong)} of {asked} absent words, asked for one at a time, yield a point: {wrong}")
    assert len(wrong) <= 0.02 * asked


@pytest.mark.parametrize("mode", ["aspect", "slide"])
def test_the_slide_and_aspect_inputs_find_each_photos_first_word(segmenter, mode):
    other = segmenter.with_options(input=mode)
    first = {photo: ((photo, word), boxes) for (photo, word), boxes in reversed((TUNED | HELD_OUT).items())}
    missed = [pair for pair, boxes in first.values() if not is_found(other, pair, boxes)]
    print(f"\n{mode}: {len(first) - len(missed)} of {len(first)} found, not {missed}")
    assert len(missed) <= 2
