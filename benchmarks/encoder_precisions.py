# SPDX-License-Identifier: Apache-2.0
"""Compare number formats of the image encoder on this CPU: `python -m benchmarks.encoder_precisions talk2dino_vitb`.

torch in fp32 and OpenVINO in fp32, bf16 and, where the package nncf is installed (`pip install nncf`), int8 (weights
and activations, calibrated on the demo's photographs), in turn on one image; how many labels of the photographs are
those of torch; and how fast OpenVINO multiplies matrices, which no encoder can exceed. A model without --weights-dir
gets seeded weights, `mini` has its own. Writes to benchmarks/results/.
"""

import argparse
import math
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.machine import write_result
from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.bench.cpu_rows import MINI_WORDS
from talk2dino_ros.engine.bench.measure import agreement, in_turn
from talk2dino_ros.engine.bench.seeded import without_sums, write_seeded_weights
from talk2dino_ros.engine.factory import networks_of
from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.networks import Networks
from talk2dino_ros.engine.models.registry import find_model
from talk2dino_ros.engine.models.vit import ImageEncoder, ImageFeatures
from talk2dino_ros.engine.openvino.openvino_blobs import Key
from talk2dino_ros.engine.openvino.openvino_network import (
    EncoderGraph,
    OpenVinoNetwork,
    comparison_image,
    settings,
    traced,
)
from talk2dino_ros.engine.options import Options
from talk2dino_ros.engine.runtime.openvino_library import core, cpu_computes_in, library
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.selfcheck.classes import classes_of_picture
from talk2dino_ros.viz.pictures import read_picture

LAYERS = 8  # of the chain of products that tells how fast matrices are multiplied
TOKENS, WIDTHS = 1024, (768, 3072)  # as in a ViT-B


class _Encoder:
    """A compiled network as an image encoder."""

    has_attention = False
    weights_sums: tuple[str, ...] = ()

    def __init__(self, compiled: Any, patch_size: int) -> None:
        self._network, self.patch_size = OpenVinoNetwork(compiled), patch_size

    def __call__(self, images: Tensor, return_attention: bool = False) -> ImageFeatures:
        return self._network(images)

    def to(self, device: str) -> Any:
        return self

    def at_size(self, size: tuple[int, int]) -> Any:
        return self


def main() -> None:
    """Measure one model, print the figures, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="model name, such as talk2dino_vitb")
    parser.add_argument("--weights-dir", type=Path, help="folder with the published files; default: seeded values")
    parser.add_argument("--size", type=int, default=0, help="pixels of the network's square; 0: the model's own")
    parser.add_argument(
        "--rounds", type=int, default=8, help="rounds, in which each way has its turn (default: %(default)s)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        weights, model = arguments.weights_dir, find_model(arguments.model)
        if weights is None and model.name != "mini":
            weights, model = Path(folder), without_sums(model)
            write_seeded_weights(model.name, weights)
        networks = networks_of(model, "cpu", "fp32", weights, backend="torch")
    facts = _measure(model, networks, arguments.size or model.base_size, arguments.rounds)
    facts["weights"] = "published" if arguments.weights_dir or model.name == "mini" else "seeded"
    write_result(f"encoder_precisions_{model.name}_{facts['size']}", facts)


def _measure(model: Model, networks: Networks, size: int, rounds: int) -> dict[str, Any]:
    plain, photos = networks.image_encoder, [read_picture(path) for path in sorted(PHOTOS.glob("*.jpg"))]
    graph = _graph(plain, size)
    converted = _converted(plain, graph, size, photos)
    encoders = {"torch fp32": plain, **converted}
    image = _squashed(photos[0], size)
    with torch.inference_mode():
        calls = {name: lambda encoder=each: encoder(image) for name, each in encoders.items()}
        seconds = in_turn(calls, rounds, warm_up=2)
        agree = _agreements(model, networks, converted, photos, size)
    peaks = {name: _peak(name) for name in ("fp32", "bf16", "int8") if name == "int8" or cpu_computes_in(name)}
    said = [
        f"{name}: {1e3 * seconds[name]['median_s']:.0f} ms"
        + (
            f", {np.mean(agree[name]):.1%} of labels are torch's (worst photograph {min(agree[name]):.1%})"
            if name in agree
            else ""
        )
        for name in encoders
    ]
    operations = _operations(graph)
    for name, each in peaks.items():
        least = f"{operations / 1e9:.1f} G take {1e3 * operations / each:.0f} ms"
        said.append(f"{name} multiplies at most {each / 1e9:.0f} G/s, at which {least}")
    print("\n".join(said))
    return {
        "model": model.name,
        "size": size,
        "seconds": seconds,
        "label_agreement": agree,
        "operations": operations,
        "peak_per_s": peaks,
        "said": said,
    }


def _graph(plain: ImageEncoder, size: int) -> Any:
    key = Key(size, size, False)
    with torch.no_grad():
        example = comparison_image(key)
        plain(example)  # positions are resized before the trace
        return traced(EncoderGraph(plain, key.with_attention), example)


def _converted(plain: ImageEncoder, graph: Any, size: int, photos: list[Any]) -> dict[str, ImageEncoder]:
    def compiled(network: Any, precision: str) -> ImageEncoder:
        return _Encoder(core().compile_model(network, "CPU", settings(precision)), plain.patch_size)

    formats = [name for name in ("fp32", "bf16") if cpu_computes_in(name)]
    encoders = {f"openvino {name}": compiled(graph, name) for name in formats}
    if find_spec("nncf") is not None:
        encoders["openvino int8"] = compiled(_quantised(graph, size, photos), formats[-1])
    return encoders


def _quantised(graph: Any, size: int, photos: list[Any]) -> Any:
    """Return the graph in int8: attention's products stay, as NNCF has it for transformers."""
    library()  # without its telemetry, before nncf asks for it
    nncf = import_module("nncf")
    images = [_squashed(each, size).numpy() for each in photos]
    is_transformer = any(each.get_type_name() == "ScaledDotProductAttention" for each in graph.get_ops())
    kind = nncf.ModelType.TRANSFORMER if is_transformer else None
    return nncf.quantize(graph, nncf.Dataset(images), subset_size=len(images), model_type=kind)


def _agreements(
    model: Model, networks: Networks, encoders: dict[str, ImageEncoder], photos: list[Any], size: int
) -> dict[str, list[float]]:
    """Share of each photograph's labels that are torch's: of words and a background with weights that know any."""
    knows_words = model.name == "mini"
    options = Options(input_size=size, background=model.background if knows_words else None)
    torchs = Segmenter(model, networks, options)
    others = {
        name: Segmenter(model, networks.with_image_encoder(encoder, torch.float32, ""), options)
        for name, encoder in encoders.items()
    }
    shares: dict[str, list[float]] = {name: [] for name in encoders}
    for photo in photos:
        if knows_words:
            vocabulary = torchs.encode_vocabulary(MINI_WORDS)
        else:
            features = networks.image_encoder(_squashed(photo, size)).patch_features[0]
            vocabulary = classes_of_picture(features.numpy(), 20)
        expected = torchs.segment(photo, vocabulary).class_ids
        for name, other in others.items():
            shares[name].append(agreement(other.segment(photo, vocabulary).class_ids, expected))
    return shares


def _squashed(photo: Any, size: int) -> Tensor:
    """Return float32 [1, 3, size, size], as a frame goes into the network."""
    pixels = torch.from_numpy(np.ascontiguousarray(photo)).permute(2, 0, 1)[None].float() / 255
    return F.interpolate(pixels, (size, size), mode="bilinear", antialias=True)


def _operations(graph: Any) -> float:
    """Return the products and sums in convolutions, matrix products and attention; all else is little."""
    total = 0
    for each in graph.get_ops():
        kind = each.get_type_name()
        if kind in ("Convolution", "GroupConvolution", "MatMul", "ScaledDotProductAttention"):
            first, second = (list(each.input(number).get_shape()) for number in range(2))
            values = math.prod(each.output(0).get_shape())
            is_turned = kind == "MatMul" and each.get_attributes()["transpose_a"]
            total += (
                values
                * {
                    "Convolution": math.prod(second[1:]),
                    "GroupConvolution": math.prod(second[2:]),
                    "MatMul": first[-2 if is_turned else -1],
                    "ScaledDotProductAttention": 2 * second[-2],
                }[kind]
            )
    return 2.0 * total


def _peak(precision: str) -> float:
    """Return the operations a second (two for each product that is added) of a chain of matrix products."""
    network = core().compile_model(
        _chain(precision == "int8"), "CPU", settings("fp32" if precision == "int8" else precision)
    )
    request, values = network.create_infer_request(), np.ones((1, TOKENS, WIDTHS[0]), np.float32)
    seconds = in_turn({"products": lambda: request.infer([values])}, 10, warm_up=3)["products"]
    return float(2 * TOKENS * WIDTHS[0] * WIDTHS[1] * LAYERS / seconds["median_s"])


def _chain(is_int8: bool) -> Any:
    from openvino import Model as Graph
    from openvino import opset13

    generator = np.random.default_rng(0)
    start = values = opset13.parameter([1, TOKENS, WIDTHS[0]], np.float32)
    for number in range(LAYERS):
        taken, given = WIDTHS[number % 2], WIDTHS[1 - number % 2]
        weights = generator.standard_normal((given, taken)).astype(np.float32) / taken**0.5
        matrix = opset13.constant(weights)
        if is_int8:
            values = opset13.fake_quantize(values, *map(np.float32, (-4, 4, -4, 4)), 256)
            matrix = opset13.convert(opset13.constant(np.clip(weights * 1000, -127, 127).astype(np.int8)), np.float32)
            matrix = opset13.multiply(matrix, opset13.constant(np.full((given, 1), 1e-3, np.float32)))
        values = opset13.matmul(values, matrix, False, True)
    return Graph([values], [start])


if __name__ == "__main__":
    main()
