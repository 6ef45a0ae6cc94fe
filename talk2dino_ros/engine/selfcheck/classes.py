# SPDX-License-Identifier: Apache-2.0
"""Make class vectors for any weights, seeded ones too, so that many classes win somewhere in the picture.

Words mean nothing to seeded weights. So a class is a direction in which the picture's own patches differ from their
mean (a centre of spherical k-means), mixed with a random one until its cosines have the size that text has.
"""

import numpy as np
import numpy.typing as npt

from talk2dino_ros.engine.vocabulary import Vocabulary

STRENGTH = 0.35  # about the largest cosine between a word's vector and a patch in the paper's score maps
STEPS = 8

Floats = npt.NDArray[np.float32]


def classes_of_picture(patch_features: Floats, count: int, seed: int = 0) -> Vocabulary:
    """Make a vocabulary of `count` classes from raw patch features [D, h, w] of the picture to be segmented."""
    patches = _unit(patch_features.reshape(len(patch_features), -1).T)
    differences = _unit(patches - patches.mean(axis=0))
    generator = np.random.default_rng(seed)
    centres = differences[generator.permutation(len(differences))[:count]]
    for _ in range(STEPS):
        nearest = (differences @ centres.T).argmax(axis=1)
        centres = np.stack([_centre(differences[nearest == index], old) for index, old in enumerate(centres)])
    # what every patch shares would favour one class everywhere
    mean = _unit(patches.mean(axis=0))
    own, noise = _across(centres, mean), _across(generator.standard_normal(centres.shape).astype(np.float32), mean)
    embeddings = _unit(STRENGTH * own + (1 - STRENGTH**2) ** 0.5 * noise)
    return Vocabulary.from_embeddings([f"class {index + 1}" for index in range(count)], embeddings)


def _centre(members: Floats, old: Floats) -> Floats:
    return _unit(members.mean(axis=0)) if len(members) else old


def _across(vectors: Floats, direction: Floats) -> Floats:
    """Return unit vectors at right angles to a direction."""
    return _unit(vectors - np.outer(vectors @ direction, direction))


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit
