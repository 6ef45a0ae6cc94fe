# SPDX-License-Identifier: Apache-2.0
"""What the engine is given beside files: words for CLIP's tokenizer, and folders of data sets as disks have them."""

from functools import cache
from pathlib import Path
from random import Random

from benchmarks.fuzz.dataset_subjects import blank_label
from benchmarks.fuzz.mutations import text
from benchmarks.fuzz.trial import Subject
from talk2dino_ros.engine.evaluate.datasets import open_dataset
from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.engine.text.clip_tokenizer import Tokenize, clip_tokenizer

LENGTH, END = 77, 49407  # of CLIP's tokens: their number, and the last of each prompt
_PARTS = ("images/validation", "annotations/validation")
_NAMES = ("a", "b", "A", "a.b", " ", "ü", "a\n[ERROR] b", "\u202eb", "x" * 200, "-rf", "CON", "\udcff")
_ENDINGS = ((".jpg", ".png"), (".JPG", ".png"), (".jpg", ".PNG"), (".png", ".jpg"), ("", ""))
_KINDS = ("file", "file", "file", "folder", "link", "circle", "nothing")


@cache
def _tokenizer() -> Tokenize:
    return clip_tokenizer()


def _classes(choice: Random) -> list[str]:
    return [text(choice) or "dog" for _ in range(choice.choice((1, 1, 2, 5)))]


def _tokenize(classes: list[str], _folder: Path) -> object:
    for entry in parse_classes(classes):
        tokens = _tokenizer()(entry.prompts, LENGTH)
        assert tuple(tokens.shape) == (len(entry.prompts), LENGTH)
        assert int(tokens.min()) >= 0
        assert (tokens.max(dim=1).values == END).all()
    return classes


def _ade20k(choice: Random) -> list[tuple[str, str]]:
    """Return paths, each with what is there."""
    entries = []
    for _ in range(choice.choice((0, 1, 2, 4))):
        name, endings = choice.choice(_NAMES), choice.choice((_ENDINGS[0], choice.choice(_ENDINGS)))
        for part, ending in zip(_PARTS, endings, strict=True):
            entries.append((f"ADEChallengeData2016/{part}/{name}{ending}", choice.choice(_KINDS)))
    return entries


def _open_ade20k(entries: list[tuple[str, str]], folder: Path) -> object:
    for path, kind in entries:
        _lay(folder / path, kind)
    dataset = open_dataset("ade20k", folder)
    assert all(sample.image.suffix == ".jpg" and sample.label.suffix == ".png" for sample in dataset.samples)
    return dataset.read_label(dataset.samples[0], (4, 4))


def _lay(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() or path.is_symlink():
        return
    if kind == "file":
        path.write_bytes(blank_label() if path.suffix == ".png" else b"no picture")
    elif kind == "folder":
        path.mkdir()
    elif kind != "nothing":
        path.symlink_to("/etc/hostname" if kind == "link" else path.name)


ENGINE_SUBJECTS = (
    Subject("tokenizer", _classes, _tokenize),
    Subject("ADE20K folder", _ade20k, _open_ade20k),
)
