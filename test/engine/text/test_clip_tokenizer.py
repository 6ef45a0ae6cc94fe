# SPDX-License-Identifier: Apache-2.0
"""CLIP's tokenizer is open_clip's, and comes without what open_clip imports beside it."""

import json
import subprocess
import sys

import open_clip
import pytest
import torch

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.text import clip_tokenizer as module
from talk2dino_ros.engine.text.clip_tokenizer import clip_tokenizer

PROMPTS = ["", "a photo of a cat.", "Fire  Extinguisher", "Straßenbahn, 電車", "caf&eacute; 🙂", "no " * 300]
# How the text encoders of both families come to be, and what is in memory then.
PROGRAM = """
import json, sys
from talk2dino_ros.engine.models.clip_text import ClipTextEncoder
from talk2dino_ros.engine.models.dinotxt import dinotxt_text
from talk2dino_ros.engine.text.clip_tokenizer import clip_tokenizer
from talk2dino_ros.engine.text.clip_tower import ClipTextTower
tower = ClipTextTower(width=16, heads=2, layers=1)
for parameter in tower.parameters():
    parameter.data.fill_(0.1)
encoder = ClipTextEncoder(tower, clip_tokenizer())
shape = list(encoder.encode(["a cup"]).shape)
print(json.dumps([shape, sorted(sys.modules)]))
"""


def test_ids_are_those_of_open_clip():
    assert torch.equal(clip_tokenizer()(PROMPTS, 77), open_clip.get_tokenizer("ViT-B-16")(PROMPTS))


def test_a_context_of_another_length_cuts_elsewhere():
    ids = clip_tokenizer()(["dog " * 9], 5).tolist()
    assert ids == [[49406, 1929, 1929, 1929, 49407]]  # CLIP's ids of start, "dog" and end


def test_a_text_encoder_imports_no_network_library_but_torch():
    """Two seconds and 250 MB of a start are theirs."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    shape, modules = json.loads(run.stdout)
    assert shape == [1, 512]
    slow = ("open_clip", "torchvision", "transformers", "timm", "torch._dynamo", "triton", "huggingface_hub")
    assert [name for name in slow if name in modules] == []


def test_where_open_clip_is_not_installed_one_sentence_says_so(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"open_clip is missing, expected .*; pip install open_clip_torch"):
        clip_tokenizer()
