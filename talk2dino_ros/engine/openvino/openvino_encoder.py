# SPDX-License-Identifier: Apache-2.0
"""The image encoder by OpenVINO in place of torch, one network for each size of image.

The first size is waited for. One that comes later, in a running stream, is converted beside it, and torch encodes its
images meanwhile. What torch needs for that is loaded when it is needed, and freed when it is not.
"""

import json
import logging
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from talk2dino_ros.engine.errors import ModelError
from talk2dino_ros.engine.files.checksums import check_unchanged, file_state, sha256_of, sum_of_files
from talk2dino_ros.engine.models.model_row import Checkpoints, Model
from talk2dino_ros.engine.models.vit import ImageEncoder, ImageFeatures
from talk2dino_ros.engine.openvino.openvino_blobs import Blobs, Key, Traits
from talk2dino_ros.engine.openvino.openvino_network import ByTorch, OpenVinoNetwork, convert, read, reason_of
from talk2dino_ros.engine.runtime.memory import release_memory, trim_memory
from talk2dino_ros.engine.runtime.openvino_library import core, cpu_computes_in, library
from talk2dino_ros.engine.text.text_cache import TextCache, TextCacheError

NETWORKS = 4  # sizes in memory, each with weights of its own; a stream has one, or with `aspect` one per camera
OFTEN = 2  # a size that came so many times is a stream's; one of a folder of pictures may not come again
# what a converted encoder is made of, beside the weights
_SOURCES = ("models/**/*.py", "openvino/*.py", "runtime/fixed_size.py")

logger = logging.getLogger("talk2dino")


class OpenVinoImageEncoder:
    """An image encoder on a CPU, for images of any size. Two threads may call.

    load_plain: builds the encoder in torch's fp32; raises WeightsError.
    weights_sums: the sha256 of the weights files behind it.
    """

    def __init__(
        self,
        name: str,
        load_plain: Callable[[], ImageEncoder],
        blobs: Blobs,
        *,
        precision: str,
        weights_sums: tuple[str, ...] = (),
    ) -> None:
        self.weights_sums = weights_sums
        self._name = name
        self._load_plain = load_plain
        self._blobs = blobs
        self._precision = precision
        self._lock = threading.Lock()
        self._networks: OrderedDict[Key, OpenVinoNetwork] = OrderedDict()
        self._missing: Counter[Key] = Counter()  # sizes that are not kept on disk, and how often they came
        self._conversion: threading.Thread | None = None
        self._plain: ImageEncoder | None = None
        traits = blobs.traits()
        if traits is None:  # weights that do not fit show now, and not with the first image
            self._plain = load_plain()
            traits = Traits(self._plain.patch_size, self._plain.has_attention)
        self._traits = traits
        self.patch_size, self.has_attention = traits

    def to(self, device: str) -> "OpenVinoImageEncoder":
        """Return itself. Raises ModelError for another device than the CPU."""
        if device != "cpu":
            raise ModelError(f"backend is 'openvino' and the device {device}, expected cpu; use backend torch there")
        return self

    def at_size(self, size: tuple[int, int]) -> Any:
        """Return itself, which keeps a network for each size."""
        return self

    def __call__(self, images: Tensor, return_attention: bool = False) -> ImageFeatures:
        """Encode images [B, 3, H, W], RGB, 0..1, any floating dtype; the features are float32.

        Raises ModelError where the first size cannot be converted.
        """
        key = Key(images.shape[2], images.shape[3], return_attention)
        with self._lock:
            network = self._network(key)
            plain = None if network else self._plain_encoder()
        return network(images) if network else plain(images, return_attention)  # type: ignore[misc]

    def plain(self) -> ImageEncoder:
        """Return the encoder in torch's fp32. Raises WeightsError."""
        with self._lock:
            return self._plain or self._load()

    def by_torch(self, images: Tensor, return_attention: bool = False) -> tuple[ByTorch, float]:
        """Encode an image [1, 3, H, W] in torch's fp32, to compare with, and return the seconds of a conversion.

        Where the first size is still to be converted, that is done, on this image: torch has to encode one for it, so
        that it does so once, and its weights are not in memory any longer. 0 seconds where nothing is converted.
        Raises WeightsError, and ModelError where the size cannot be converted.
        """
        key = Key(images.shape[2], images.shape[3], return_attention)
        with self._lock:
            if self._is_first(key):
                begin_s = time.perf_counter()
                return self._convert_first(key, images), time.perf_counter() - begin_s
            plain = self._plain or self._load()
        begin_s = time.perf_counter()
        features = plain(images, return_attention)
        return ByTorch(features, time.perf_counter() - begin_s), 0.0

    def wait(self) -> None:
        """Wait for the conversion that goes on beside the stream, if one does."""
        if (thread := self._conversion) is not None:
            thread.join()

    def _network(self, key: Key) -> OpenVinoNetwork | None:
        """Return the network of a size, if it is there or can be waited for."""
        if self._is_first(key):
            self._convert_first(key)
        if key in self._networks:
            self._networks.move_to_end(key)
            return self._networks[key]
        self._missing[key] += 1
        if self._missing[key] == OFTEN and self._conversion is None:
            self._conversion = threading.Thread(target=self._convert_beside, args=(key,), name="openvino_conversion")
            self._conversion.start()
        return None

    def _is_first(self, key: Key) -> bool:
        """Tell whether a size is nowhere, nor any other in memory: its conversion is waited for."""
        if key not in self._networks and key not in self._missing:
            self._look_for(key)
        return not self._networks and self._conversion is None

    def _convert_first(self, key: Key, images: Tensor | None = None) -> ByTorch:
        open_network, by_torch = self._convert(key, self._plain_encoder(), images)
        self._plain = None
        release_memory()  # before the network takes as much; a trace leaves cycles that hold the encoder
        self._remember(key, open_network())
        return by_torch

    def _look_for(self, key: Key) -> None:
        """Take the network that was kept, if there is one."""
        self._missing[key] = 0
        kept = self._blobs.read(key)
        if kept is not None:
            try:
                self._remember(key, read(kept, self._precision))
            except RuntimeError as error:
                said = "%s cannot be used (%s), so that its size is converted again; nothing is lost"
                logger.warning(said, self._blobs.path(key), reason_of(error))

    def _convert_beside(self, key: Key) -> None:
        with self._lock:
            plain = self._plain_encoder()
        try:
            network = self._convert(key, plain)[0]()
        except Exception as error:
            logger.error("%s; images of this size go through torch", error)
            with self._lock:
                self._conversion = None
            return
        with self._lock:
            self._remember(key, network)
            self._conversion = None
        del plain
        trim_memory()

    def _convert(
        self, key: Key, plain: ImageEncoder, images: Tensor | None = None
    ) -> tuple[Callable[[], OpenVinoNetwork], ByTorch]:
        """Convert and keep; what was kept is then to be read, for that needs no weights of torch's in memory."""
        logger.info("%s at %dx%d is converted for OpenVINO, once", self._name, key.width, key.height)
        begin = time.monotonic()
        # parameters, images and a trace that were made in inference mode could not be used outside of it
        with torch.inference_mode(False), torch.no_grad():
            network, by_torch = convert(plain, key, self._precision, None if images is None else images.clone())
        is_kept = self._blobs.write(key, self._traits, network.compiled.export_model)
        logger.info("converted in %.1f s%s", time.monotonic() - begin, "" if is_kept else ", and not kept")
        if not is_kept or (kept := self._blobs.read(key)) is None:
            return lambda: network, by_torch
        return partial(read, kept, self._precision), by_torch

    def _remember(self, key: Key, network: OpenVinoNetwork) -> None:
        self._missing.pop(key, None)
        self._networks[key] = network
        self._plain = None
        while len(self._networks) > NETWORKS:
            self._networks.popitem(last=False)

    def _plain_encoder(self) -> ImageEncoder:
        if self._plain is None:
            self._plain = self._load()
        return self._plain

    def _load(self) -> ImageEncoder:
        with torch.inference_mode(False), torch.no_grad():
            return self._load_plain()


def open_openvino(model: Model, checkpoints: Checkpoints, precision: str) -> OpenVinoImageEncoder:
    """Return a model's image encoder by OpenVINO on this CPU.

    Raises ModelError where OpenVINO is not installed, or does not compute in the precision here, WeightsError for
    weights.
    """
    if not cpu_computes_in(precision):
        raise ModelError(
            f"precision is {precision!r} and the backend openvino, expected a format that this CPU computes in; "
            "use precision auto or fp32, or backend torch"
        )

    states = {checkpoint.path: file_state(checkpoint.path) for checkpoint in checkpoints.values()}
    sums = tuple(_sum_of(checkpoints[role].path) for role in model.image_roles)
    return OpenVinoImageEncoder(
        model.name,
        partial(_load_plain, model, checkpoints, states),
        Blobs(model.name, subject_of(model, sums, precision)),
        precision=precision,
        weights_sums=sums,
    )


def _load_plain(model: Model, checkpoints: Checkpoints, states: Mapping[Path, str]) -> ImageEncoder:
    """Build the encoder from files that are as they were when its converted ones were named by them."""
    check_unchanged(states)
    return model.load_image_encoder(checkpoints, torch.float32)


def subject_of(model: Model, weights_sums: tuple[str, ...], precision: str) -> str:
    """Return all that a converted image encoder depends on, apart from the size of the images."""
    facts = {
        "model": model.name,
        "loader": _described(model.load_image_encoder),
        "weights": weights_sums,
        "precision": precision,
        "openvino": library().__version__,
        "torch": torch.__version__,
        "timm": version("timm"),
        "cpu": [core().get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")],
        "sources": sum_of_files(Path(__file__).parents[1], _SOURCES),
    }
    return json.dumps(facts, sort_keys=True)


def _sum_of(path: Path) -> str:
    """Return a file's sha256, remembered beside the text features as long as the file is unchanged."""
    try:
        return TextCache().sum_of(path)
    except TextCacheError:
        return sha256_of(path)


def _described(loader: Any) -> str:
    """Return a loader's name, and the options that a row of the table gives it."""
    name = f"{loader.func.__qualname__} {sorted(loader.keywords.items())}" if isinstance(loader, partial) else ""
    return name or str(loader.__qualname__)
