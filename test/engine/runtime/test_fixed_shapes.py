# SPDX-License-Identifier: Apache-2.0
"""What becomes of a word is the same to the bit whatever words it is encoded with, in each family's text encoder."""

from functools import partial

import pytest
import torch

from talk2dino_ros.engine import encode_vocabulary
from talk2dino_ros.engine.models.clip_text import ClipTextEncoder
from talk2dino_ros.engine.models.dinotxt.dinotxt_text import DinoTxtTextEncoder
from talk2dino_ros.engine.models.dinotxt.text_tower import TextTower
from talk2dino_ros.engine.runtime.fixed_shapes import PROMPTS, TOKENS, encode_by_length, in_blocks
from talk2dino_ros.engine.text.clip_tokenizer import clip_tokenizer
from talk2dino_ros.engine.text.clip_tower import ClipTextTower

# of one token to more than either context; nine of one length, which is more than a batch
WORDS = [
    "",
    "cup",
    "a red fire extinguisher on a wall",
    "no " * 300,
    "Straßenbahn",
    *(f"room {n}" for n in "123456789"),
]


def clip_encoder():
    """CLIP's text tower at its own width, where a product of few rows takes another kernel than one of many."""
    return ClipTextEncoder(ClipTextTower(layers=2), clip_tokenizer())


def dinotxt_encoder():
    return DinoTxtTextEncoder(TextTower(width=640, heads=10, layers=2), clip_tokenizer())


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("make", [clip_encoder, dinotxt_encoder])
def test_a_prompts_features_do_not_depend_on_the_batch(make, threads, seed, of_threads):
    encoder = make()
    seed(encoder)
    with of_threads(threads):
        together = encoder.encode(WORDS)
        for number, word in enumerate(WORDS[:8]):
            assert torch.equal(encoder.encode([word])[0], together[number]), word
            assert torch.equal(encoder.encode([*WORDS[5:8], word, "cup"])[3], together[number]), word


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_class_s_vector_does_not_depend_on_the_other_classes(threads, of_threads):
    encode = partial(encode_vocabulary, name="mini", device="cpu", text_cache_dir="none")
    classes = ["cup", "extinguisher: fire extinguisher, red bottle", *(f"room {n}" for n in range(20))]
    with of_threads(threads):
        together = encode(classes).embeddings
        alone = [encode([each]).embeddings[0] for each in classes[:2]]
        last = encode([*classes[5:9], classes[0]]).embeddings[-1]
    assert [list(each) for each in alone] == [list(each) for each in together[:2]]
    assert list(last) == list(together[0])


def test_every_row_comes_back_at_its_place_and_batches_have_few_shapes():
    lengths = torch.tensor([3, 9, 4, 4, 5, 11, *[4] * 9])
    tokens = torch.arange(len(lengths) * 11).view(-1, 11)
    shapes = []

    def encode(rows):
        shapes.append(tuple(rows.shape))
        return rows[:, :1].float()

    assert encode_by_length(encode, tokens, lengths).tolist() == tokens[:, :1].tolist()
    # 12 rows of 1 to 4 tokens, one of 5 to 8, two of 9 to 12, of which there are 11
    assert shapes == [(PROMPTS, 4), (PROMPTS, 4), (PROMPTS, 8), (PROMPTS, 11)]
    assert TOKENS == 4


def test_a_block_that_is_not_full_is_filled_and_cut_again():
    seen = []
    result = in_blocks(lambda rows: seen.append(rows.tolist()) or 2 * rows, torch.tensor([[1], [2], [3]]), 2)
    assert result.tolist() == [[2], [4], [6]]
    assert seen == [[[1], [2]], [[3], [3]]]
