# SPDX-License-Identifier: Apache-2.0
"""Images that a worker has seen, on their way to the process that remembers them: a file for each, in their order."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from talk2dino_ros.engine.errors import ClusterError
from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.perception.memory.sensor_pose import SensorPose
from talk2dino_ros.perception.memory.spatial_memory import SeenImage, in_reach


class SeenImages:
    """The images of one bag, in a folder. max_range_m: as the memory has it."""

    def __init__(self, folder: Path, max_range_m: float) -> None:
        self.folder = folder
        self._max_range_m = max_range_m

    @property
    def paths(self) -> list[Path]:
        """The files, in the order in which the images are remembered."""
        return sorted(self.folder.glob("*.npz"))

    def __iter__(self) -> Iterator[tuple[Path, SeenImage]]:
        for path in self.paths:
            yield path, read_seen(path)

    def put(self, seen: SeenImage) -> None:
        """Write an image; raise RejectedImageError where the memory will not take it, ClusterError on a full disk."""
        in_reach(seen, self._max_range_m)
        number = int(self.paths[-1].stem) + 1 if self.paths else 0
        path = self.folder / f"{number:06d}.npz"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, packed(seen))
        except OSError as error:
            raise ClusterError(
                f"{path} cannot be written ({error}), expected room for what a worker has seen; make some, and run the "
                "same command again, which continues from here"
            ) from error


def packed(seen: SeenImage) -> bytes:
    """Return an image as bytes, exactly as it is."""
    file = io.BytesIO()
    np.savez(
        file,
        stamp_ns=np.int64(seen.stamp_ns),
        camera=np.array(seen.camera),
        position=np.array(seen.pose.position),
        orientation=np.array(seen.pose.orientation),
        features=seen.features,
        points=seen.points,
        centres=seen.centres,
        patch_size=np.array(seen.patch_size),
        jpeg=np.frombuffer(seen.jpeg, np.uint8),
    )
    return file.getvalue()


def read_seen(path: Path) -> SeenImage:
    """Return the image of a file; raise ClusterError where it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            x, y, z = file["position"].tolist()
            a, b, c, w = file["orientation"].tolist()
            height, width = file["patch_size"].tolist()
            return SeenImage(
                int(file["stamp_ns"]),
                str(file["camera"]),
                SensorPose((x, y, z), (a, b, c, w)),
                file["features"],
                file["points"],
                file["centres"],
                (height, width),
                file["jpeg"].tobytes(),
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ClusterError(
            f"{path} cannot be read ({error}), expected what a worker has seen; remove the folder {path.parent}, and "
            "run the same command again, which makes it again"
        ) from error
