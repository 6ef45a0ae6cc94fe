# SPDX-License-Identifier: Apache-2.0
"""Draw the pictures of docs/how_it_works.md: `python -m tools.explain_pictures`, some minutes on a CPU.

Most are of the synthetic world, whose model is taught first: it has attention heads, and takes no download. The one
of a photograph is by `mini`.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from benchmarks.synthetic.proof import trained_segmenter
from benchmarks.synthetic.synthetic_model import TEST_SCENES
from benchmarks.synthetic.synthetic_world import WORDS, draw_scenes
from talk2dino_ros.demo import PHOTOS
from talk2dino_ros.engine.factory import load_segmenter
from talk2dino_ros.engine.inference.explanation import Explanation, explain
from talk2dino_ros.viz.explain.sections import sections
from talk2dino_ros.viz.pictures import read_picture

DOCS = Path(__file__).parent.parent / "docs"
SCENE = 1  # of the scenes that neither network has seen: three kinds of objects, each with a head of its own
PHOTO, PHOTO_WORDS = "astronaut.jpg", ("helmet", "space shuttle", "flag")
QUALITY = 88  # of the JPEG files


def main() -> None:
    """Draw them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=DOCS)
    output = parser.parse_args().output
    with TemporaryDirectory() as folder:
        pictures = sections(explain_scene(Path(folder)))
    pictures["photo"] = sections(explain_photo())["decision"]
    for name, picture in pictures.items():
        path = output / f"how_it_works_{name}.jpg"
        Image.fromarray(picture).save(path, quality=QUALITY)
        print(f"{path}: {path.stat().st_size} bytes")


def explain_scene(folder: Path, number: int = SCENE) -> Explanation:
    """Teach the synthetic world's model, and look at one scene of it with the words of what is there."""
    segmenter = trained_segmenter(folder).with_options(background_cleaning=True)
    scene = draw_scenes(number + 1, (0, TEST_SCENES))[number]
    objects = dict.fromkeys(WORDS[drawn.word] for drawn in scene.objects)
    words = [f"{word.removesuffix(' object')}: {word}" for word in objects]
    return explain(segmenter, scene.rgb, segmenter.encode_vocabulary([*words, scene.ground]))


def explain_photo() -> Explanation:
    """Look at the photograph with `mini`."""
    segmenter = load_segmenter("mini", device="cpu", precision="fp32")
    segmenter = segmenter.with_options(background=segmenter.model.background)
    return explain(segmenter, read_picture(PHOTOS / PHOTO), segmenter.encode_vocabulary(PHOTO_WORDS))


if __name__ == "__main__":
    main()
