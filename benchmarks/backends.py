# SPDX-License-Identifier: Apache-2.0
"""Compare onnxruntime with torch on the image encoder, on the CPU: `python -m benchmarks.backends talk2dino_vitb`.

Exports the model, with weights of seeded values where none are named (speed does not depend on them), then times both
backends in turn on one image of the model's square and on batches, float32 in and out. Writes what it measured to
benchmarks/results/.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import write_result
from talk2dino_ros.cli.export import PHOTOGRAPH
from talk2dino_ros.engine.bench.measure import in_turn
from talk2dino_ros.engine.bench.seeded import without_sums, write_seeded_weights
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.networks import find_checkpoint
from talk2dino_ros.engine.models.registry import find_model
from talk2dino_ros.engine.models.vit import ImageEncoder
from talk2dino_ros.engine.onnx.onnx_encoder import open_exported
from talk2dino_ros.engine.onnx.onnx_export import export_image_encoder
from talk2dino_ros.viz.pictures import read_picture


def main() -> None:
    """Measure one model, print the medians, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="model name, such as talk2dino_vitb")
    parser.add_argument("--weights-dir", type=Path, help="folder with the published files; default: seeded values")
    parser.add_argument(
        "--threads", type=int, default=2, help="threads that both backends may use (default: %(default)s)"
    )
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2], help="numbers of images in a call")
    parser.add_argument(
        "--rounds", type=int, default=15, help="rounds, in which each way has its turn (default: %(default)s)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        weights = arguments.weights_dir
        model = find_model(arguments.model)
        if weights is None and model.name != "mini":
            weights, model = Path(folder), without_sums(model)
            write_seeded_weights(model.name, weights)
        facts = _measure(model, weights, Path(folder) / "exported.onnx", arguments)
    facts["weights"] = "published" if arguments.weights_dir or model.name == "mini" else "seeded"
    write_result(f"backends_{model.name}_cpu", facts)


@torch.inference_mode()
def _measure(model: Model, weights: Path | None, path: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    size = (model.base_size, model.base_size)
    start = time.perf_counter()
    with torch.inference_mode(False):  # its tensors are none that can be traced
        cosine = export_image_encoder(model, path, size, read_picture(PHOTOGRAPH), weights_dir=weights)
    facts: dict[str, Any] = {
        "model": model.name,
        "network_size": list(size),
        "export_s": time.perf_counter() - start,
        "file_mb": path.stat().st_size / 1e6,
        "smallest_cosine": cosine,
    }
    print(f"exported in {facts['export_s']:.0f} s, {facts['file_mb']:.0f} MB, smallest cosine with torch {cosine:.6f}")
    own = model.load_image_encoder({"image": find_checkpoint(model, "image", weights)}, torch.float32)
    file = open_exported(path, model, "onnxruntime", "cpu")
    facts["batches"] = [
        _compare(own, file, torch.rand(count, 3, *size), arguments.rounds) for count in arguments.batches
    ]
    return facts


def _compare(own: ImageEncoder, file: ImageEncoder, images: torch.Tensor, rounds: int) -> dict[str, Any]:
    found = in_turn({"torch": lambda: own(images), "onnxruntime": lambda: file(images)}, rounds, warm_up=3)
    ratio = found["torch"]["median_s"] / found["onnxruntime"]["median_s"]
    print(
        f"{len(images)} images: torch {found['torch']['median_s'] * 1e3:.0f} ms, "
        f"onnxruntime {found['onnxruntime']['median_s'] * 1e3:.0f} ms (medians), {ratio:.2f} times as fast"
    )
    return {"images": len(images), **found, "torch_over_onnxruntime": ratio}


if __name__ == "__main__":
    main()
