# SPDX-License-Identifier: Apache-2.0
"""Measure cosines of words: synonyms, hyponyms, and unrelated ones.

    python -m benchmarks.kinship [--model mini]

Prints the cosines that `KIN_COSINE` of engine/vocabulary.py is chosen by: of pairs of kin, and of each word asked for
here with each class of config/vocabulary_indoor.yaml that is none of its kin.
"""

import argparse
from pathlib import Path

import numpy as np
import yaml

from talk2dino_ros.engine.factory import encode_vocabulary
from talk2dino_ros.engine.text.class_entries import parse_class
from talk2dino_ros.engine.vocabulary import KIN_COSINE

INDOOR = Path(__file__).resolve().parents[1] / "config" / "vocabulary_indoor.yaml"
# A word that somebody asks for, and the class of the indoor vocabulary that it is a kind of.
KIN = {
    "woman": "person",
    "man": "person",
    "child": "person",
    "pedestrian": "person",
    "cat": "pet",
    "dog": "pet",
    "kitten": "pet",
    "puppy": "pet",
    "mug": "cup",
    "coffee cup": "cup",
    "red bottle": "bottle",
    "handbag": "bag",
    "armchair": "chair",
    "couch": "sofa",
    "fridge": "refrigerator",
    "trash can": "bin",
    "flower pot": "plant",
    "house plant": "plant",
}


def main() -> None:
    """Encode, compare, print."""
    parser = argparse.ArgumentParser(description="Cosines between words.")
    parser.add_argument("--model", default="mini", help="model name (default: %(default)s)")
    arguments = parser.parse_args()
    (section,) = yaml.safe_load(INDOOR.read_text()).values()
    entries = [parse_class(text) for text in section["ros__parameters"]["vocabulary"]]
    classes = [entry for entry in entries if entry.is_labelled]
    cosines = vectors(list(KIN), arguments.model) @ vectors([entry.text for entry in classes], arguments.model).T
    names = [entry.name for entry in classes]
    of_kin = {word: float(cosines[row, names.index(kin)]) for row, (word, kin) in enumerate(KIN.items())}
    others = {
        f"{word} and {name}": float(cosines[row, column])
        for row, (word, kin) in enumerate(KIN.items())
        for column, name in enumerate(names)
        if name not in (kin, "office chair" if kin == "chair" else kin)
    }
    report("kin", of_kin, largest=False)
    report("others", others, largest=True)


def vectors(classes: list[str], model: str) -> np.ndarray:
    """Encode classes: float32 [C, D]."""
    names = [f"{number}: {text.partition(': ')[2] or text}" for number, text in enumerate(classes)]
    return encode_vocabulary(names, model, device="cpu").embeddings


def report(name: str, cosines: dict[str, float], *, largest: bool) -> None:
    """Print how many are at KIN_COSINE and above, and those nearest to it."""
    near = sorted(cosines.items(), key=lambda pair: pair[1], reverse=largest)[:8]
    above = sum(value >= KIN_COSINE for value in cosines.values())
    print(f"{name}: {above} of {len(cosines)} have {KIN_COSINE} or more; {'most' if largest else 'least'}:")
    for words, value in near:
        print(f"    {value:.2f} {words}")


if __name__ == "__main__":
    main()
