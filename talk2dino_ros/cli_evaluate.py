# SPDX-License-Identifier: Apache-2.0
"""`talk2dino evaluate`: mIoU on labelled data sets by the published protocol, beside the papers' numbers."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talk2dino_ros.engine.options import INPUTS, PRECISIONS, REFINEMENTS
from talk2dino_ros.pictures import read_picture

if TYPE_CHECKING:
    from talk2dino_ros.engine import Segmenter
    from talk2dino_ros.engine.evaluate.datasets import Dataset

FORMS = """data sets, each in its official layout (the folder itself, or the one that holds it):
  voc20, voc21          VOCdevkit/VOC2012: JPEGImages, SegmentationClass, ImageSets/Segmentation/val.txt
  context59, context60  VOCdevkit/VOC2010: JPEGImages, SegmentationClassContext, ImageSets/SegmentationContext/val.txt
  coco_object           images/val2017 or val2017, annotations/val2017 or stuffthingmaps/val2017
  coco_stuff            the same
  cityscapes            leftImg8bit/val, gtFine/val
  ade20k                ADEChallengeData2016: images/validation, annotations/validation
  folder                your own: images, labels (PNG of the same name), classes.txt (line 0 is the class of value 0)
"""


def add_evaluate_command(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declare the sub-command."""
    parser = commands.add_parser(
        "evaluate",
        help="measure mIoU on labelled data sets as the paper does",
        epilog=FORMS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dataset", help="a data set's name, see below")
    parser.add_argument("folder", type=Path, help="where it lies")
    parser.add_argument("--model", default="talk2dino_vitb", help="a model's name; `talk2dino weights list` shows all")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    parser.add_argument("--weights-dir", type=Path, help="folder with the published weights files")
    parser.add_argument(
        "--text-cache-dir", default="", help="folder for what the text encoder made; none: no cache (default: ~/.cache)"
    )
    parser.add_argument("--input", default="slide", choices=INPUTS, help="slide is the published protocol (default)")
    parser.add_argument("--refine", default="none", choices=REFINEMENTS)
    parser.add_argument(
        "--background",
        type=float,
        default=-1.0,
        help="threshold, for data sets that judge background; -1: the model's own (default), 0: off",
    )
    parser.add_argument(
        "--background-cleaning",
        default="auto",
        choices=("auto", "on", "off"),
        help="auto (default): as the paper, on for voc21 and coco_object",
    )
    parser.add_argument("--limit", type=int, default=0, help="so many images, evenly spread; 0: all (default)")
    parser.add_argument("--batch", type=int, default=4, help="images segmented at once (default: 4)")
    parser.add_argument("--fresh", action="store_true", help="begin anew, and do not go on with a run that was stopped")
    parser.add_argument("--output", type=Path, default=Path("evaluated"), help="folder for the results")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Measure one data set; print the figures and where the files are."""
    # with torch, so not for `--help`
    from talk2dino_ros.engine.evaluate import report
    from talk2dino_ros.engine.evaluate.datasets import open_dataset
    from talk2dino_ros.engine.evaluate.runner import Evaluation

    dataset = open_dataset(arguments.dataset, arguments.folder, arguments.limit)
    segmenter = _load(arguments, dataset)
    evaluation = Evaluation.of(segmenter, dataset, read_picture)
    name = report.run_name(dataset.name, segmenter.model.name, segmenter.options.refine)
    state_file = arguments.output / f"{name}.state.json"
    if arguments.fresh:
        state_file.unlink(missing_ok=True)
    progress = evaluation.run(state_file, arguments.batch)
    facts = report.result_facts(dataset, evaluation.describe(), progress)
    path = report.write_results(arguments.output, facts)
    for skipped, reason in progress.skipped.items():
        print(f"skipped {skipped}: {reason}")
    print(
        f"{dataset.title}: mIoU {facts['miou']} %, pixels right {facts['pixel_accuracy']} %, "
        f"{facts['images']} images of {dataset.total}, {len(progress.skipped)} skipped"
    )
    print(f"written to {path} and {arguments.output / report.TABLE}")


def _load(arguments: argparse.Namespace, dataset: "Dataset") -> "Segmenter":
    """Load the model with the paper's options for the data set, but for what the user chose."""
    from talk2dino_ros.engine import load_segmenter

    cleaning = {"auto": dataset.background_cleaning, "on": True, "off": False}[arguments.background_cleaning]
    segmenter = load_segmenter(
        arguments.model,
        device=arguments.device,
        precision=arguments.precision,
        weights_dir=arguments.weights_dir,
        text_cache_dir=arguments.text_cache_dir,
        input=arguments.input,
        refine=arguments.refine,
        background_cleaning=cleaning,
    )
    if not dataset.has_background:
        return segmenter
    background = segmenter.model.background if arguments.background == -1.0 else arguments.background
    return segmenter.with_options(background=background)
