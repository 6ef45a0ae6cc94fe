# SPDX-License-Identifier: Apache-2.0
"""Files that users name: each is written near a right one and read as the package reads it."""

import io
import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.fuzz.mutations import changed, json_text, mutated, safetensors_file, text
from benchmarks.fuzz.trial import Subject
from talk2dino_ros.cli.nav2_layer_block import read_vocabulary
from talk2dino_ros.engine.files.picture_reader import read_rgb
from talk2dino_ros.engine.models.projection_file import read_card as read_projection_card
from talk2dino_ros.engine.onnx.onnx_file import read_card, with_sum
from talk2dino_ros.engine.train.captions import open_captions
from talk2dino_ros.engine.train.features.store_folder import open_folder
from talk2dino_ros.engine.train.recipe import read_recipe
from talk2dino_ros.engine.train.training_checkpoint import KEY, load_standing
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.engine.weights.state_dicts import is_torchscript, read_state_dict
from talk2dino_ros.ros.parameters.parameter_files import check_file
from talk2dino_ros.ros.parameters.parameter_set import fields_of
from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
from talk2dino_ros.segmenter.vocabulary.vocabulary_state import VocabularyState

_PAIR = np.eye(2, 4, dtype=np.float32).tobytes()
_SUM = "ab" * 32


def in_file(name: str, read: Callable[[Path], object]) -> Callable[[Any, Path], object]:
    """Return a reader of bytes that are written to a file of this name."""

    def read_bytes(data: bytes, folder: Path) -> object:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return read(path)

    return read_bytes


def _sometimes_mutated(choice: random.Random, data: bytes) -> bytes:
    return mutated(choice, data) if choice.random() < 0.5 else data


def _vocabulary(choice: random.Random) -> bytes:
    metadata = {
        "format": "talk2dino vocabulary 2",
        "classes": json_text(choice, ["dog", "cat: tabby"]),
        "ids": json_text(choice, [1, 2]),
        "model": "mini",
        "projection": "",
    }
    return _sometimes_mutated(choice, safetensors_file(choice, _PAIR, metadata))


def _projection(choice: random.Random) -> bytes:
    card = json_text(choice, {"format": 1, "model": "talk2dino_vitb"})
    return _sometimes_mutated(choice, safetensors_file(choice, _PAIR, {"talk2dino_projection": card}))


def _checkpoint(choice: random.Random) -> bytes:
    facts = {"format": 1, "subject": {"recipe": {"batch": 2}}, "step": 3, "best_loss": None, "history": [{"epoch": 1}]}
    return _sometimes_mutated(choice, safetensors_file(choice, _PAIR, {KEY: json_text(choice, facts)}))


def _onnx(choice: random.Random) -> bytes:
    card = {
        **{"talk2dino_onnx": 1, "model": "mini", "height": 14, "width": 14, "patch_size": 14},
        **{"precision": "fp32", "weights_sha256": _SUM, "file_sha256": "0" * 64},
    }
    return _sometimes_mutated(choice, with_sum(b"graph" + json_text(choice, card).encode() + b"end"))


@cache
def _archive() -> bytes:
    content = io.BytesIO()
    torch.save({"a": torch.eye(3), "b": torch.ones(5)}, content)
    return content.getvalue()


def _weights(path: Path) -> object:
    return is_torchscript(path), read_state_dict(path)


def _recipe(choice: random.Random) -> bytes:
    right = {"based_on": "talk2dino_vitb", "epochs": 3, "learning_rate": 1e-3, "head_choice": "max_score"}
    return _sometimes_mutated(choice, _yaml(changed(choice, right)))


def _yaml(content: Any) -> bytes:
    return json.dumps(content).encode()  # JSON is YAML, and the damages make other YAML of it


def _parameter_file(choice: random.Random) -> bytes:
    right = {"talk2dino": {"ros__parameters": {"model": "mini", "vocabulary": ["dog", "cat"], "background": 0.5}}}
    return _sometimes_mutated(choice, _yaml(changed(choice, right)))


def _state(choice: random.Random) -> bytes:
    right = {
        **{"format": "talk2dino state 1", "configured": ["dog"], "classes": ["dog"], "active": {"dog": 1}},
        **{"dropped": {"2": ["cat", 1.5]}, "version": 3, "saved": {"boot": "x", "since_boot_s": 1.0}},
    }
    return _sometimes_mutated(choice, json_text(choice, right).encode())


def _table(choice: random.Random) -> bytes:
    right = {"image": choice.choice(("a.jpg", "a.jpg", "./a.jpg", text(choice))), "caption": "a dog", "split": "train"}
    return _sometimes_mutated(choice, "\n".join((json.dumps(right), json_text(choice, right))).encode())


def _csv(choice: random.Random) -> bytes:
    return _sometimes_mutated(choice, f"image,caption\na.jpg,a dog\na.jpg,{text(choice)}\n".encode(errors="replace"))


def _coco(choice: random.Random) -> bytes:
    right = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"image_id": 1, "caption": "a dog"}]}
    return _sometimes_mutated(choice, json_text(choice, right).encode())


def _open_table(path: Path) -> object:
    (path.parent / "a.jpg").write_bytes(b"")
    return open_captions(path.parent, "train")


def _open_coco(path: Path) -> object:
    (path.parents[1] / "train2014").mkdir(exist_ok=True)
    (path.parents[1] / "train2014" / "a.jpg").write_bytes(b"")
    return open_captions(path.parents[1], "train")


def _store(choice: random.Random) -> bytes:
    key: dict[str, Any] = dict.fromkeys(("model", "image_sum", "text_sum", "precision", "captions_sum"), "a")
    right = {
        "key": {**key, "input_size": 1, "patch_size": 1, "format": "talk2dino features 1"},
        "count": 3,
        "part_size": 2,
    }
    return _sometimes_mutated(choice, json_text(choice, right).encode())


@cache
def _picture() -> bytes:
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(np.arange(3 * 16 * 16, dtype=np.uint8).reshape(16, 16, 3)).save(content, "PNG")
    return content.getvalue()


FILE_SUBJECTS = (
    Subject("vocabulary file", _vocabulary, in_file("v.safetensors", Vocabulary.load)),
    Subject("projection card", _projection, in_file("p.safetensors", read_projection_card)),
    Subject("safetensors weights", _projection, in_file("w.safetensors", _weights)),
    Subject("zip weights", lambda choice: mutated(choice, _archive()), in_file("w.pth", _weights)),
    Subject("checkpoint", _checkpoint, in_file("c", lambda path: load_standing(path, {"recipe": {"batch": 2}}))),
    Subject("onnx card", _onnx, in_file("m.onnx", read_card)),
    Subject("recipe", _recipe, in_file("r.yaml", read_recipe)),
    Subject("nav2 vocabulary", _parameter_file, in_file("n.yaml", lambda path: read_vocabulary(str(path)))),
    Subject(
        "parameter file",
        _parameter_file,
        in_file("q.yaml", lambda path: check_file(path, "talk2dino", fields_of(Parameters))),
    ),
    Subject("state file", _state, in_file("s.json", VocabularyState.load)),
    Subject("caption table", _table, in_file("t/captions.jsonl", _open_table)),
    Subject("caption csv", _csv, in_file("u/captions.csv", _open_table)),
    Subject("coco captions", _coco, in_file("coco/annotations/captions_train2014.json", _open_coco)),
    Subject("feature store", _store, in_file("f/store.json", lambda path: open_folder(path.parent))),
    Subject("picture", lambda choice: mutated(choice, _picture()), in_file("p.png", read_rgb)),
)
