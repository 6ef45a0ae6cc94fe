# SPDX-License-Identifier: Apache-2.0
"""Load a segmenter, or encode words without one, from a model's name and checked options."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from talk2dino_ros.engine.models.model_row import Model
from talk2dino_ros.engine.models.networks import Networks, find_checkpoint, load_networks, load_word_networks
from talk2dino_ros.engine.models.patch_source import with_patch_source
from talk2dino_ros.engine.models.precision import choose_precision
from talk2dino_ros.engine.models.projection_file import with_projection_file
from talk2dino_ros.engine.models.registry import find_model
from talk2dino_ros.engine.models.word_networks import keeps_text_encoder
from talk2dino_ros.engine.models.word_vectors import encode_classes
from talk2dino_ros.engine.onnx.onnx_encoder import open_for
from talk2dino_ros.engine.openvino.openvino_encoder import OpenVinoImageEncoder, open_openvino
from talk2dino_ros.engine.options import Options, changed_options
from talk2dino_ros.engine.runtime.backends import choose_backend
from talk2dino_ros.engine.runtime.devices import precision_name, resolve_device, with_index
from talk2dino_ros.engine.runtime.gpu_lane import check_can_record
from talk2dino_ros.engine.segmenter import Segmenter
from talk2dino_ros.engine.text.class_entries import parse_classes
from talk2dino_ros.engine.text.text_cache import open_text_cache
from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.engine.weights.weights_files import logger


def load_segmenter(
    name: str,
    *,
    device: str = "auto",
    precision: str = "auto",
    weights_dir: str | Path | None = None,
    text_cache_dir: str | Path = "",
    backend: str = "auto",
    onnx_file: str | Path | None = None,
    cuda_graphs: bool = False,
    patch_source: str = "",
    projection_file: str | Path | None = None,
    text_encoder: str = "auto",
    needs_text_encoder: bool = True,
    **options: Any,
) -> Segmenter:
    """Load a model by name, such as `talk2dino_vitb` or `mini`.

    options: those of `Options`, by name, such as `input="slide", refine="pamr", background=0.55`;
    `**PRESETS["fast"]` (engine/presets.py) gives a handful of them. Without a `background` every pixel gets a class;
    `segmenter.with_options(background=segmenter.model.background)` takes the model's own threshold.
    device: auto (cuda if there is one), cpu, cuda, cuda:N. precision: auto, fp32, bf16, fp16.
    weights_dir: a local folder with the published files, for robots without a network; None: the standard
    caches, filled from the network on first use.
    text_cache_dir: where the features of known words are kept; '': the user's cache folder, 'none': nowhere.
    backend: what runs the image encoder: auto (OpenVINO on a CPU, torch on a GPU), torch, openvino; or onnxruntime or
    tensorrt, which run that of `onnx_file`, a file of `talk2dino export`.
    cuda_graphs: on a GPU with backend torch, record an image's kernels once per size and start them at once.
    patch_source: for dino.txt, `head` or `backbone`, see dinotxt/dinotxt_vision.py; '': the model's own.
    projection_file: of `talk2dino train`, in place of the model's own; see projection_file.py.
    text_encoder: what becomes of it when words are encoded: `keep` it in memory, `free` it, or `auto`: keep it, but
    free dino.txt's of 2 GB.
    needs_text_encoder: False where `load_vocabulary` will bring the words: its file and the projection's are then not
    asked for until new words come, and never downloaded.
    Raises ModelError for a name, device, precision or option that does not exist, WeightsError for weights.
    """
    chosen = changed_options(Options(), options, also=_LOADING)
    model = with_projection_file(with_patch_source(find_model(name), patch_source), projection_file)
    networks = networks_of(
        model,
        device,
        precision,
        weights_dir,
        backend=backend,
        onnx_file=onnx_file,
        cuda_graphs=cuda_graphs,
        text_cache=open_text_cache(text_cache_dir),
        needs_text_encoder=needs_text_encoder,
        keep_text_encoder=keeps_text_encoder(text_encoder, model),
    )
    return _ready(model, networks, chosen)


def networks_of(
    model: Model,
    device: str,
    precision: str,
    weights_dir: str | Path | None,
    *,
    backend: str = "auto",
    onnx_file: str | Path | None = None,
    cuda_graphs: bool = False,
    **words: Any,
) -> Networks:
    """Build a row's networks, with what runs the image encoder; `load_segmenter` has the arguments and the errors.

    words: `load_networks` has them.
    """
    place = with_index(resolve_device(device))
    runs, why = choose_backend(backend, onnx_file, place, precision)
    exported = open_for(runs, onnx_file, model, place, precision) if onnx_file else None
    dtype, reason = (exported.dtype, "the file's") if exported else choose_precision(precision, place, model, runs)
    if cuda_graphs:
        check_can_record(place, runs)
    return load_networks(
        model,
        place,
        dtype,
        weights_dir,
        image_encoder=_by_openvino(model, precision_name(dtype), weights_dir) if runs == "openvino" else exported,
        cuda_graphs=cuda_graphs,
        precision_reason=reason,
        backend=runs,
        backend_reason=why,
        **words,
    )


def _by_openvino(model: Model, precision: str, weights_dir: str | Path | None) -> OpenVinoImageEncoder:
    checkpoints = {role: find_checkpoint(model, role, weights_dir) for role in model.image_roles}
    return open_openvino(model, checkpoints, precision)


# What `load_segmenter` takes beside options, for the message of one that does not exist.
_LOADING = tuple(load_segmenter.__kwdefaults__ or ())


def _ready(model: Model, networks: Networks, options: Options) -> Segmenter:
    """Return the segmenter, with PAMR compiled where the options ask for it."""
    logger.info(
        "%s on %s by %s (%s) in %s (%s)",
        *(model.name, networks.device),
        *(networks.backend, networks.backend_reason),
        *(networks.precision, networks.precision_reason),
    )
    segmenter = Segmenter(model, networks, options)
    if options.refine != "none":
        segmenter.prepare_refinement()
    return segmenter


def encode_vocabulary(
    classes: Sequence[str],
    name: str,
    *,
    device: str = "auto",
    weights_dir: str | Path | None = None,
    projection_file: str | Path | None = None,
    text_cache_dir: str | Path = "",
) -> Vocabulary:
    """Turn words (see `class_entries.parse_classes` for their syntax) into a model's vocabulary, to be saved.

    The arguments are those of `load_segmenter`; the text encoder is freed afterwards.
    Raises VocabularyError for the words, ModelError for the options, WeightsError for weights.
    """
    entries = parse_classes(classes)
    model = with_projection_file(find_model(name), projection_file)
    networks = load_word_networks(model, resolve_device(device), weights_dir, open_text_cache(text_cache_dir))
    return encode_classes(entries, model, networks)
