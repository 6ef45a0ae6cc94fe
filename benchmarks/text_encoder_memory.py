# SPDX-License-Identifier: Apache-2.0
"""Measure the memory of dino.txt's text tower, loaded and freed: `python -m benchmarks.text_encoder_memory`.

A file of the published layout and size with seeded values, for memory does not depend on them; each figure is taken in
a process of its own, as memory that was used once hides what comes after. Beside it stands the same tower loaded
plainly: network and file in memory at once, the one copied into the other. Writes to benchmarks/results/.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.machine import write_result

MODEL = "dinotxt_vitl"
CLASSES = ["door", "!wall"]
MB = 1_000_000


def main() -> None:
    """Write the file, measure both ways of loading, print and write the figures; or be one of them, as a child."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        way, folder = arguments.child
        print(json.dumps({"engine": encode_and_free, "plain": load_plainly}[way](Path(folder))))
        return
    with tempfile.TemporaryDirectory() as folder:
        size = write_tower(Path(folder))
        facts = {"model": MODEL, "seeded_weights": True, "file_mb": size / MB, "classes": CLASSES}
        facts |= {way: in_child(way, folder) for way in ("engine", "plain")}
    for name, value in facts.items():
        print(f"{name}: {value}")
    write_result(f"text_encoder_memory_{MODEL}", facts)


def in_child(way: str, folder: str) -> dict[str, float]:
    """Measure one way in a fresh process."""
    command = [sys.executable, "-m", __spec__.name, "--child", way, folder]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def write_tower(folder: Path) -> int:
    """Write the text tower's file as DINOv2's release has it, with seeded values; return its size in bytes."""
    import torch

    from talk2dino_ros.engine.models.dinotxt.text_tower import TextTower
    from talk2dino_ros.engine.models.registry import find_model

    with torch.device("meta"):
        shapes = {key: tensor.shape for key, tensor in TextTower().state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    state = {
        f"{'head' if key.startswith('linear_projection') else 'backbone'}.{key}": 0.02
        * torch.randn(shape, generator=generator)
        for key, shape in shapes.items()
    }
    path = folder / next(file.names[-1] for file in find_model(MODEL).files if file.role == "text")
    torch.save(state, path)
    return path.stat().st_size


def encode_and_free(folder: Path) -> dict[str, float]:
    """Measure resident memory (MB) before the tower, with it, at the highest, and after words and freeing."""
    from talk2dino_ros.engine.bench.measure import peak_bytes_of, resident_bytes
    from talk2dino_ros.engine.models.networks import load_word_networks
    from talk2dino_ros.engine.models.registry import find_model
    from talk2dino_ros.engine.models.word_vectors import encode_classes
    from talk2dino_ros.engine.text.class_entries import parse_classes

    import_libraries()
    model = find_model(MODEL)
    networks = load_word_networks(model, "cpu", folder)
    before = resident_bytes()
    rise = peak_bytes_of(lambda: networks.text.encoder)
    loaded = resident_bytes()
    encode_classes(parse_classes(CLASSES), model, networks)
    freed = resident_bytes()
    encode_classes(parse_classes([*CLASSES, "plant"]), model, networks)  # loads it again, and frees it again
    return in_mb(before=before, loaded=loaded, highest_while_loading=before + rise, freed=freed) | in_mb(
        freed_again=resident_bytes()
    )


def load_plainly(folder: Path) -> dict[str, float]:
    """Return the same by torch.load, TextTower() and load_state_dict alone."""
    import torch

    from talk2dino_ros.engine.bench.measure import peak_bytes_of, resident_bytes
    from talk2dino_ros.engine.models.dinotxt.dinotxt_layouts import text_part
    from talk2dino_ros.engine.models.dinotxt.text_tower import TextTower

    import_libraries()
    towers: list[Any] = []

    def load() -> None:
        (path,) = folder.iterdir()
        state = torch.load(path, weights_only=True)
        towers.append(TextTower())
        towers[0].load_state_dict(text_part(state, path))

    before = resident_bytes()
    rise = peak_bytes_of(load)
    loaded = resident_bytes()
    towers.clear()
    return in_mb(before=before, loaded=loaded, highest_while_loading=before + rise, freed=resident_bytes())


def import_libraries() -> None:
    """Import what loading would, so that the figures are of the tower alone."""
    from talk2dino_ros.engine.text.clip_tokenizer import clip_tokenizer

    clip_tokenizer()


def in_mb(**values: int) -> dict[str, float]:
    """Convert bytes to MB."""
    return {name: round(value / MB, 1) for name, value in values.items()}


if __name__ == "__main__":
    main()
