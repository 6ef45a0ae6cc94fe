# SPDX-License-Identifier: Apache-2.0
"""`talk2dino export`: write a model's image encoder as an ONNX file, for onnxruntime and TensorRT."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.options import EXPORT_PRECISIONS, INPUTS, PATCH_SOURCES

PHOTOGRAPH = PHOTOS / "coffee.jpg"


def add_export_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the sub-command."""
    parser = commands.add_parser("export", help="write a model's image encoder as an ONNX file")
    parser.add_argument("model", help="model name; `talk2dino weights list` shows all")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file, such as mini.onnx")
    parser.add_argument("--input", default="square", choices=INPUTS, help="how images will be resized for the network")
    parser.add_argument(
        "--image-size", type=_size, metavar="WxH", help="size of the camera's images, for `--input aspect`"
    )
    parser.add_argument("--input-size", type=int, default=0, help="pixels of the square or short side; 0: the model's")
    parser.add_argument(
        "--network-size", type=_size, metavar="WxH", help="size of the network's input, instead of these three"
    )
    parser.add_argument(
        "--precision", default="fp32", choices=EXPORT_PRECISIONS, help="number format of the file (default: fp32)"
    )
    parser.add_argument(
        "--patch-source",
        default="",
        choices=PATCH_SOURCES,
        help="dino.txt only: compare patches of its head or of the backbone",
    )
    parser.add_argument("--weights-dir", type=Path, help="folder with the published weights files")
    parser.set_defaults(run=_run)


def _size(text: str) -> tuple[int, int]:
    """Parse `640x480` (width x height) into (480, 640)."""
    width, sign, height = text.partition("x")
    if not (sign and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write width x height in pixels, such as 640x480")
    return int(height), int(width)


def _run(arguments: argparse.Namespace) -> None:
    from talk2dino_ros.engine.models.patch_source import with_patch_source
    from talk2dino_ros.engine.models.registry import (
        find_model,  # imports torch, which the other commands' help need not
    )
    from talk2dino_ros.engine.onnx.onnx_export import export_image_encoder
    from talk2dino_ros.viz.pictures import read_picture

    begin = time.monotonic()
    model = with_patch_source(find_model(arguments.model), arguments.patch_source)
    base = arguments.input_size or model.base_size
    size = arguments.network_size or _planned_size(arguments, base, model.patch_size, model.window_share)
    cosine = export_image_encoder(
        model,
        arguments.output,
        size,
        read_picture(PHOTOGRAPH),
        precision=arguments.precision,
        weights_dir=arguments.weights_dir,
    )
    print(
        f"{arguments.output}: {model.name} at {size[1]}x{size[0]} in {arguments.precision}, "
        f"{arguments.output.stat().st_size / 1e6:.0f} MB, smallest cosine with torch {cosine:.6f}, "
        f"{time.monotonic() - begin:.0f} s"
    )


def _planned_size(
    arguments: argparse.Namespace, base: int, patch_size: int, window_share: float = 1.0
) -> tuple[int, int]:
    """Return the network's input (H, W) for the camera's images."""
    from talk2dino_ros.engine.inference.crop_plan import make_plan

    if arguments.input == "aspect" and arguments.image_size is None:
        raise ModelError("input is aspect without an image size, expected the camera's; add --image-size 640x480")
    image_size = arguments.image_size or (base, base)
    return make_plan(arguments.input, image_size, base, patch_size, window_share=window_share).network
