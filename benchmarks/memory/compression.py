# SPDX-License-Identifier: Apache-2.0
"""Measure what compression costs: `python -m benchmarks.memory.compression`.

The photos of this repository, in sequence as keyframes are, through the feature basis as the memory grows it. For each
number of directions: bytes of a patch on disk, what of a patch's energy is kept, and by how much the answers change
beside full features: for each patch in which a word of a list is seen, whether the best word is the same (none was
known when the basis was made), and for each word that is seen, how much worse than its best patch the one is that it
is now found in. `mini`'s patches are sparse; with `--model`, others' are measured too. Says nothing about how good the
model is. Writes to benchmarks/results/.
"""

import argparse
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import write_result
from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.perception.memory.feature_basis import FeatureBasis, to_codes, unit_vectors

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (ROOT / "talk2dino_ros" / "demo" / "photos", ROOT / "test" / "photos")
PHOTOS = sorted(path for folder in FOLDERS for path in folder.glob("*.jpg"))
DIRECTIONS = (32, 64, 128, 256)
WORDS = [
    *("cup", "dog", "cat", "raccoon", "person", "face", "suit", "astronaut", "flag", "rocket", "drum", "fig", "brush"),
    *("temple", "grass", "tree", "table", "spoon", "plate", "wall", "floor", "sky", "water", "book", "chair", "lamp"),
    *("bottle", "plant", "shoe", "wheel"),
]
SEEN = 0.2  # cosine from which a word counts as seen: below, the best patch of a word is any

Floats = NDArray[np.float32]


def main() -> None:
    """Measure each number of directions, print a row for each, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini", help="model name (default: %(default)s)")
    parser.add_argument("--weights-dir", default=None, help="folder with the published weights files")
    arguments = parser.parse_args()
    segmenter = load_segmenter(arguments.model, device="cpu", weights_dir=arguments.weights_dir)
    words = segmenter.encode_vocabulary(WORDS).embeddings
    vocabulary = segmenter.encode_vocabulary(["door"])
    photos = [rgb_of(path) for path in PHOTOS]
    results = [segmenter.segment(rgb, vocabulary, return_patches=True) for rgb in photos]
    grids = [result.patches.features for result in results if result.patches]
    features = [unit_vectors(np.reshape(grid, (-1, words.shape[1])))[0] for grid in grids]
    rows = [full_row(features), *(row(features, words, most) for most in DIRECTIONS)]
    for each in rows:
        print(each)
    facts = {"model": arguments.model, "photos": len(photos), "patches": sum(map(len, features)), "words": len(WORDS)}
    write_result(f"memory_compression_{arguments.model}", {**facts, "rows": rows})


def rgb_of(path: Path) -> NDArray[np.uint8]:
    """Return a photo as uint8 [H, W, 3] RGB, 480 pixels high at most."""
    bgr: NDArray[np.uint8] = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR))
    scale = min(1.0, 480 / bgr.shape[0])
    rgb: NDArray[np.uint8] = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[..., ::-1].copy()
    return rgb


def full_row(features: list[Floats]) -> dict[str, Any]:
    """Return what all answers are compared with: half floats, deflated as the store does."""
    size = sum(len(zlib.compress(each.astype("<f2").tobytes(), 1)) for each in features)
    return {"directions": "none (fp16)", "bytes_per_patch": round(size / sum(map(len, features)), 1)}


def row(features: list[Floats], words: Floats, most: int) -> dict[str, Any]:
    """Compress the photos in their order; compare the cosines with those of the full features."""
    basis, kept, stored, size = FeatureBasis.empty(words.shape[1], most), [], [], 0
    for each in features:
        basis = basis.grown_for(each)
        codes, scales = to_codes(basis.coefficients(each))
        size += len(zlib.compress(codes.tobytes() + scales.astype("<f4").tobytes(), 1))
        stored.append(codes * scales[:, None])
        kept.append(1 - basis.lost(each))
    full = np.concatenate([each @ words.T for each in features])
    small = np.concatenate([each @ basis.coefficients(words)[:, : each.shape[1]].T for each in stored])
    seen_patches, seen_words = full.max(axis=1) >= SEEN, np.flatnonzero(full.max(axis=0) >= SEEN)
    found = full[small.argmax(axis=0), np.arange(full.shape[1])]
    same = small.argmax(axis=1) == full.argmax(axis=1)
    worse = (full.max(axis=0) - found)[seen_words]
    return {
        "directions": len(basis),
        "most": most,
        "bytes_per_patch": round(size / len(full), 1),
        "energy_kept_mean": round(float(np.concatenate(kept).mean()), 4),
        "energy_kept_least": round(float(np.concatenate(kept).min()), 4),
        "cosine_error_p99": round(float(np.quantile(np.abs(small - full), 0.99)), 4),
        "patches_with_the_same_word_percent": round(100 * float(same[seen_patches].mean()), 2),
        "words_seen": len(seen_words),
        "cosine_of_the_found_patch_worse_by_mean": round(float(worse.mean()), 4),
        "cosine_of_the_found_patch_worse_by_most": round(float(worse.max()), 4),
    }


if __name__ == "__main__":
    main()
