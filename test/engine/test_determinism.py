# SPDX-License-Identifier: Apache-2.0
"""What docs/determinism.md promises of a CPU, bit for bit: whatever an image and a word are computed beside."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.engine.inference.scoring import patch_cosines

PHOTO = Path(__file__).parents[1] / "photos" / "dogs.jpg"
WORDS = ["dog", "cup", "grass", "?chair"]
BACKENDS = ["torch", "openvino"]

IN_A_PROCESS = """
import sys
sys.path.insert(0, sys.argv[1])
from test_determinism import bits_of, mini, photo, WORDS
segmenter = mini(sys.argv[2])
print(bits_of(segmenter.segment(photo(), segmenter.encode_vocabulary(WORDS))))
"""


def mini(backend: str):
    if backend == "openvino":
        pytest.importorskip("openvino", reason="pip install -r tools/requirements/engine.txt is missing")
    load = partial(load_segmenter, "mini", device="cpu", backend=backend, text_cache_dir="none")
    return load(precision="fp32", input_size=96, background=0.525, refine="pamr")


def photo(height: int = 120, width: int = 160) -> np.ndarray:
    import cv2

    return np.ascontiguousarray(cv2.resize(cv2.imread(str(PHOTO)), (width, height))[..., ::-1])


def bits_of(result) -> str:
    """All that was published of an image, to the bit."""
    parts = [result.class_ids, result.confidence, *result.answers.values()]
    if result.scores is not None:
        parts.append(result.scores)
    return b"".join(np.ascontiguousarray(each).tobytes() for each in parts).hex()


@pytest.fixture(scope="module", params=BACKENDS)
def seen(request):
    """A segmenter, its words, and what it sees of a photograph alone."""
    segmenter = mini(request.param)
    words = segmenter.encode_vocabulary(WORDS)
    return segmenter, words, bits_of(segmenter.segment(photo(), words, return_scores=True))


def test_an_image_is_segmented_the_same_again_and_in_each_place_of_a_batch(seen):
    segmenter, words, alone = seen
    others = [np.ascontiguousarray(photo()[:, ::-1]), photo(240, 320)]
    for before, after in (([], []), ([], others[:1]), (others, others[:1])):
        results = segmenter.segment([*before, photo(), *after], words, return_scores=True)
        assert bits_of(results[len(before)]) == alone, f"behind {len(before)} and before {len(after)}"


def test_windows_are_the_same_however_many_go_at_once(seen):
    segmenter, words, _ = seen
    sliding = segmenter.with_options(input="slide")
    planned = photo(96, 160)
    alone = bits_of(sliding.segment(planned, words, return_scores=True))
    assert bits_of(sliding.segment([photo(), planned], words, return_scores=True)[1]) == alone


def test_words_that_are_encoded_beside_change_neither_vectors_nor_cosines(seen):
    segmenter, words, _ = seen
    more = segmenter.encode_vocabulary(["sofa", *WORDS, *(f"room {number}" for number in range(20))])
    assert np.array_equal(more.embeddings[1:5], words.embeddings)
    few, many = (segmenter.segment(photo(), each, return_scores=True).scores for each in (words, more))
    assert np.array_equal(few, many[1:5])


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("width", [384, 768])
def test_a_class_s_cosines_are_the_same_among_however_many_classes(threads, width, of_threads):
    """Without blocks of one size the products of 1, 2, 3, 5 and 9 classes round in another order than that of 150."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(width, 12, 16, generator=generator)
    classes = normalize(torch.randn(150, width, generator=generator), dim=1)
    with of_threads(threads):
        among_all = patch_cosines(features, classes)
        for count in (1, 2, 3, 5, 9, 16, 17, 33):
            assert torch.equal(patch_cosines(features, classes[:count]), among_all[:count]), count
            assert torch.equal(patch_cosines(features, classes[-count:]), among_all[-count:]), count


def test_another_start_gives_the_same_mask():
    """In a process of its own, which reads what was converted here."""
    backend = "openvino"
    segmenter = mini(backend)
    here = bits_of(segmenter.segment(photo(), segmenter.encode_vocabulary(WORDS)))
    command = [sys.executable, "-c", IN_A_PROCESS, str(Path(__file__).parent), backend]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == here
