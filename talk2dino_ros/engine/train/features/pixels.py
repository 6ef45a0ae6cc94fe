# SPDX-License-Identifier: Apache-2.0
"""From an encoded image to the square that the frozen network sees: short side resized (bicubic), centre cut out."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from talk2dino_ros.engine.errors import ImageError, TrainingError
from talk2dino_ros.engine.files.picture_reader import read_rgb
from talk2dino_ros.engine.train.captions import Example

Pixels = npt.NDArray[np.uint8]
THINNEST = 64  # the ratio of sides beyond which an image is no photograph, and resized would fill the memory
BATCHES_AHEAD = 2  # that the threads read while the network is busy


def square(data: bytes, size: int) -> Pixels:
    """Decode an image and cut a square of `size` pixels out of it: uint8 [size, size, 3] RGB.

    What torchvision's Resize and CenterCrop make of a Pillow image, of the image turned upright as its EXIF data
    says. Raises ImageError for a damaged file, and for one that is no photograph.
    """
    try:
        upright = read_rgb(BytesIO(data))
    except ImageError as error:
        raise ImageError(f"{error} ({len(data)} bytes)") from error
    width, height = (size * side // min(upright.size) for side in upright.size)
    if max(width, height) > THINNEST * size:
        raise ImageError(f"it is {upright.width}x{upright.height} pixels, thinner than 1:{THINNEST}")
    left, top = round((width - size) / 2), round((height - size) / 2)
    resized = upright.resize((width, height), Image.Resampling.BICUBIC)
    return np.array(resized.crop((left, top, left + size, top + size)))


def read_square(example: Example, size: int) -> Pixels | ImageError:
    """Read an example's image; a damaged one is returned as its error, as the extraction goes on without it.

    Raises TrainingError where the file is not there any more: a disk that went away is no damaged image.
    """
    try:
        data = example.read()
    except OSError as error:
        raise TrainingError(
            f"the image {example.key} cannot be read ({error}), expected it where the captions name it; bring it back "
            "and run the same command again, which continues from here"
        ) from error
    try:
        return square(data, size)
    except ImageError as error:
        return error


def read_batches(
    examples: Sequence[Example], size: int, batch: int, threads: Executor
) -> Iterator[dict[int, Pixels | ImageError]]:
    """Read images in batches, some ahead of the one that is taken; a batch goes by the images' places."""
    waiting: deque[dict[int, Future[Pixels | ImageError]]] = deque()
    for start in range(0, len(examples), batch):
        places = range(start, min(start + batch, len(examples)))
        waiting.append({place: threads.submit(read_square, examples[place], size) for place in places})
        if len(waiting) > BATCHES_AHEAD:
            yield _results(waiting.popleft())
    while waiting:
        yield _results(waiting.popleft())


def _results(futures: dict[int, Future[Pixels | ImageError]]) -> dict[int, Pixels | ImageError]:
    return {place: future.result() for place, future in futures.items()}
