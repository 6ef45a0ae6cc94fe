# SPDX-License-Identifier: Apache-2.0
"""A training of the tiny model from photographs, as `talk2dino train` has it."""

import json

from safetensors.torch import load_file

from talk2dino_ros.cli.main import main

RECIPE = """
based_on: talk2dino_vitb
model: tiny
input_size: 56
epochs: 4
batch: 6
learning_rate: 1e-3
loss_divisor: none
hidden_size: 20
validation_images: 100
"""
TRAIN = ("-m", "tiny_talk2dino", "train")


class Place:
    """A folder with a recipe, and photographs of a training and a validation split."""

    def __init__(self, folder, photos, weights, count):
        self.folder = folder
        self.data = photos(count)
        lines = [json.loads(line) for line in (self.data / "captions.jsonl").read_text().splitlines()]
        for number, line in enumerate(lines):
            line["split"] = "val" if number % 4 == 3 else "train"
        (self.data / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)))
        self.weights = weights
        self.recipe = folder / "tiny.yaml"
        self.recipe.write_text(RECIPE)

    def command(self, output, *options, store="store"):
        files = (self.recipe, self.data, "--output", self.folder / output, "--store", self.folder / store)
        return (*TRAIN, *files, "--weights-dir", self.weights, "--device", "cpu", *options)

    def run(self, output, *options, **more):
        """In this process: importing torch takes longer than all else."""
        return main([str(each) for each in self.command(output, *options, **more)[2:]])

    def state(self, output):
        return load_file(self.folder / output)
