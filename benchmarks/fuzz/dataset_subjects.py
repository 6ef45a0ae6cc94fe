# SPDX-License-Identifier: Apache-2.0
"""Data sets and what runs over them leave: label pictures, lists, shards of captions, states and results of runs."""

import io
import tarfile
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.fuzz.file_subjects import in_file
from benchmarks.fuzz.mutations import json_text, mutated, text
from benchmarks.fuzz.trial import NothingKeptError, Subject
from talk2dino_ros.engine.evaluate.datasets import open_dataset
from talk2dino_ros.engine.evaluate.evaluation_report import table_lines
from talk2dino_ros.engine.evaluate.evaluation_state import load_progress
from talk2dino_ros.engine.evaluate.protocols import PROTOCOLS
from talk2dino_ros.engine.selfcheck.check_cache import CheckCache
from talk2dino_ros.engine.selfcheck.stage_check import SelfCheck
from talk2dino_ros.engine.train.captions import open_captions

SIZE = (4, 4)
_LABELS = {
    "voc21": "VOCdevkit/VOC2012/SegmentationClass/a.png",
    "ade20k": "ADEChallengeData2016/annotations/validation/a.png",
    "coco_stuff": "stuffthingmaps/val2017/a.png",
    "cityscapes": "gtFine/val/a/a_gtFine_labelIds.png",
}
_IMAGES = {
    "voc21": "VOCdevkit/VOC2012/JPEGImages/a.jpg",
    "ade20k": "ADEChallengeData2016/images/validation/a.jpg",
    "coco_stuff": "val2017/a.jpg",
    "cityscapes": "leftImg8bit/val/a/a_leftImg8bit.png",
}
_LIST = "VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt"


@cache
def _picture(mode: str, kind: str) -> bytes:
    content = io.BytesIO()
    values = np.arange(16, dtype=np.uint8).reshape(SIZE)
    Image.fromarray(values).convert(mode).save(content, kind)
    return content.getvalue()


def _label(choice: Random) -> tuple[str, bytes]:
    mode = choice.choice(("L", "P", "L", "P", "I;16", "RGB", "LA", "1"))
    data = _picture(mode, "PNG") if choice.random() < 0.9 else _picture("L", choice.choice(("JPEG", "TIFF", "BMP")))
    return choice.choice(tuple(_LABELS)), mutated(choice, data) if choice.random() < 0.8 else data


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _lay_out(folder: Path, name: str, label: bytes) -> None:
    _put(folder / _IMAGES[name], _picture("RGB", "JPEG"))
    _put(folder / _LABELS[name], label)
    if name == "voc21":
        _put(folder / _LIST, b"a\n")


def _read_label(given: tuple[str, bytes], folder: Path) -> object:
    name, label = given
    _lay_out(folder, name, label)
    dataset = open_dataset(name, folder)
    truth = dataset.read_label(dataset.samples[0], SIZE)
    assert truth.dtype == np.int16
    assert truth.max() < len(dataset.classes)
    return truth


@cache
def blank_label() -> bytes:
    """Return a label picture of SIZE, a PNG."""
    content = io.BytesIO()
    Image.fromarray(np.zeros(SIZE, np.uint8)).save(content, "PNG")
    return content.getvalue()


def _classes(choice: Random) -> bytes:
    names = ["background", "dog", "cat: tabby, kitten", "sofa", text(choice), choice.choice(("!wall", "?door", "bed"))]
    data = "\n".join(choice.sample(names, choice.randrange(len(names)))).encode(errors="replace")
    return mutated(choice, data) if choice.random() < 0.3 else data


def _list(choice: Random) -> bytes:
    lines = [choice.choice(("a", "a", "", "b", text(choice))) for _ in range(choice.randrange(4))]
    data = choice.choice(("\n", "\r\n")).join(lines).encode(errors="replace")
    return mutated(choice, data) if choice.random() < 0.3 else data


def _read_list(data: bytes, folder: Path) -> object:
    _lay_out(folder, "voc21", _picture("L", "PNG"))
    _put(folder / _LIST, data)
    return open_dataset("voc21", folder)


def _read_classes(data: bytes, folder: Path) -> object:
    _put(folder / "images/a.jpg", _picture("RGB", "JPEG"))
    _put(folder / "labels/a.png", blank_label())
    _put(folder / "classes.txt", data)
    dataset = open_dataset("folder", folder)
    return dataset.words, dataset.read_label(dataset.samples[0], SIZE)


@cache
def _shard(member: str) -> bytes:
    content = io.BytesIO()
    texts = {"txt": b"a dog", "json": b'{"caption": "a dog"}'}
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, data in ((f"1.{member}", texts[member]), ("1.jpg", _picture("RGB", "JPEG"))):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


def _damaged_shard(choice: Random) -> bytes:
    data = bytearray(_shard(choice.choice(("txt", "json"))))
    if choice.random() < 0.5:  # in the header, of which most bytes are the name and zeros
        place = choice.choice((100, 124, 136, 148, 156, 257, 345, 1024 + 124, 1024 + 156)) + choice.randrange(8)
        data[place] = choice.choice((0, 48, 49, 53, 55, 120, 128, 255, choice.randrange(256)))
        if choice.random() < 0.7:
            _mend_sums(data)
        return bytes(data)
    return mutated(choice, bytes(data))


def _mend_sums(data: bytearray) -> None:
    """Give both headers the sum that they should have, so that what else is in them is read."""
    for begin in (0, 1024):
        head = data[begin : begin + 512]
        head[148:156] = b" " * 8
        data[begin + 148 : begin + 156] = b"%06o\0 " % sum(head)


def _read_shard(path: Path) -> object:
    found = open_captions(path, "train")
    if found is None:
        raise NothingKeptError("it is of another split")
    return [(example.captions, example.read()) for example in found.examples]


SUBJECT = {"model": "mini", "words": [0.5, 1.0]}


def _progress(choice: Random) -> bytes:
    right = {
        **{"format": "talk2dino evaluation 1", "subject": SUBJECT, "done": 2, "skipped": {"a.jpg": "cut off"}},
        **{"by_image": {"0": 0.5, "1": float("nan")}, "counts": [[1, 2, 3], [4, 5, 6]]},
    }
    return _maybe(choice, json_text(choice, right).encode())


def _result(choice: Random) -> bytes:
    return _maybe(choice, json_text(choice, _right_result()).encode())


@cache
def _right_result() -> Any:
    options = {**PROTOCOLS["talk2dino"], "refine": "none", "background": None, "background_cleaning": False}
    device = {
        **{"date": "2026-01-01", "cpu": "one", "cores": 2, "cpu_clock_mhz": None, "load_average_1min": 0.5, "gpus": []},
        **{"memory_gib": 8.0, "threads": 2, "python": "3.11", "versions": {"torch": "2"}, "commit": "a"},
    }
    return {
        **{"title": "Mine", "column": "", "miou": 50.0, "mean_accuracy": 60.0, "pixel_accuracy": 70.0, "model": "mini"},
        **{"patch_source": "last", "protocol": "talk2dino", "options": options, "projection": "", "machine": device},
        **{"dataset": "folder", "images": 2, "images_of_the_set": 2, "skipped": {}, "precision": "fp32", "data": "a"},
    }


_STAGES = ("encoder", "scores", "pamr", "decision", "image")


def _check(choice: Random) -> bytes:
    stages = [{"stage": each, "is_equal": True, "said": "the same", "fast_s": 0.5, "plain_s": 1.0} for each in _STAGES]
    return _maybe(choice, json_text(choice, {"key": {"model": "mini"}, "stages": stages, "seconds": 0.5}).encode())


def _maybe(choice: Random, data: bytes) -> bytes:
    return mutated(choice, data) if choice.random() < 0.4 else data


def _read_table(path: Path) -> object:
    return "\n".join(table_lines(path.parent))


def _read_check(data: bytes, folder: Path) -> SelfCheck:
    key = {"model": "mini"}
    cache_of = CheckCache(folder)
    _put(cache_of._path(key), data)
    found = cache_of.read(key)
    if found is None:
        raise NothingKeptError("the self-check runs anew")
    assert found.line
    return found


DATASET_SUBJECTS = (
    Subject("label picture", _label, _read_label),
    Subject("image list", _list, _read_list),
    Subject("class list", _classes, _read_classes),
    Subject("caption shard", _damaged_shard, in_file("train.tar", _read_shard)),
    Subject("evaluation state", _progress, in_file("e.state.json", partial(load_progress, subject=SUBJECT, classes=2))),
    Subject("evaluation result", _result, in_file("evaluate_folder_mini.json", _read_table)),
    Subject("self-check result", _check, _read_check),
)
