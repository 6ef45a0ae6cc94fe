# SPDX-License-Identifier: Apache-2.0
"""`talk2dino evaluate`: measure mIoU on labelled data sets by the published protocol."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from talk2dino_ros.cli.model_arguments import REFINE_HELP, add_model_arguments, add_threshold_argument, model_choices
from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.evaluate.protocols import PROTOCOLS, own_threshold
from talk2dino_ros.engine.options import INPUTS, REFINEMENTS, RESIZES
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.viz.class_plot import draw_classes
from talk2dino_ros.viz.contact_sheet import SheetRow, choose, draw_sheet
from talk2dino_ros.viz.pictures import read_picture, write_picture
from talk2dino_ros.viz.terminal import printable

if TYPE_CHECKING:
    from talk2dino_ros.engine.evaluate.datasets import Dataset
    from talk2dino_ros.engine.evaluate.evaluation_runner import Evaluation
    from talk2dino_ros.engine.evaluate.evaluation_state import Progress

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
        help="measure mIoU on labelled data sets, as in the papers",
        epilog=FORMS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dataset", help="a data set's name, see below")
    parser.add_argument("folder", type=Path, help="folder of the data set, or the one that contains it")
    add_model_arguments(parser)
    parser.add_argument(
        "--protocol",
        default="auto",
        choices=("auto", *PROTOCOLS),
        help="whose protocol to follow; auto (default): that of the model's paper",
    )
    parser.add_argument("--input", choices=INPUTS, help="instead of the protocol's, which is slide")
    parser.add_argument(
        "--resize", choices=RESIZES, help="instead of the protocol's: mmcv for talk2dino, bicubic for dinotxt"
    )
    parser.add_argument("--refine", default="none", choices=REFINEMENTS, help=REFINE_HELP)
    add_threshold_argument(parser, "threshold, for data sets that score background")
    parser.add_argument(
        "--background-cleaning",
        default="auto",
        choices=("auto", "on", "off"),
        help="auto (default): as in the paper, on for voc21 and coco_object with protocol talk2dino",
    )
    parser.add_argument(
        "--limit", type=int, default=0, help="use only this many images, evenly spread; 0: all (default)"
    )
    parser.add_argument("--batch", type=int, default=4, help="images segmented at once (default: 4)")
    parser.add_argument("--fresh", action="store_true", help="begin anew instead of continuing an interrupted run")
    parser.add_argument("--output", "-o", type=Path, default=Path("evaluated"), help="folder for the results")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure one data set; print the figures and where the files are. Returns 1 where files were skipped, else 0."""
    # with torch, so not for `--help`
    from talk2dino_ros.engine import load_segmenter
    from talk2dino_ros.engine.evaluate import evaluation_report
    from talk2dino_ros.engine.evaluate.datasets import open_dataset
    from talk2dino_ros.engine.evaluate.evaluation_runner import Evaluation
    from talk2dino_ros.engine.evaluate.evaluation_state import remove_progress
    from talk2dino_ros.engine.models.registry import find_model

    dataset = open_dataset(arguments.dataset, arguments.folder, arguments.limit)
    protocol = find_model(arguments.model).protocol if arguments.protocol == "auto" else arguments.protocol
    segmenter = load_segmenter(arguments.model, **model_choices(arguments))
    segmenter = segmenter.with_options(**_options(arguments, dataset, protocol))
    evaluation = Evaluation.of(segmenter, dataset, read_picture, protocol)
    name = evaluation_report.run_name(evaluation.subject)
    state_file = arguments.output / f"{name}.state.json"
    if arguments.fresh:
        remove_progress(state_file)
    progress = evaluation.run(state_file, arguments.batch)
    facts = evaluation_report.result_facts(dataset, evaluation.subject, progress)
    skipped = {path.name: "it is hidden" for path in dataset.hidden} | progress.skipped
    for name_of_file, reason in skipped.items():
        print(f"skipped {printable(name_of_file)}: {printable(reason)}")
    figures = f"mIoU {facts['miou']} %, pixels right {facts['pixel_accuracy']} %"
    print(
        f"{dataset.title}: {figures if facts['miou'] is not None else 'nothing scored'}, "
        f"{counted(facts['images'], 'image')} of {dataset.total}, {len(skipped)} skipped"
    )
    if unseen := _never_scored(dataset, facts):
        print(f"warning: {unseen}")
    # after the figures: another's file may spoil the table
    path = evaluation_report.write_results(arguments.output, facts)
    print(f"written to {path} and {arguments.output / evaluation_report.TABLE}")
    _draw(evaluation, progress, facts, arguments.output / name)
    return 1 if skipped else 0


def _never_scored(dataset: "Dataset", facts: dict[str, Any]) -> str:
    """Return a warning about classes that no label of the whole set has, '' where there are none."""
    names = [
        f"{number} ({name})" for number, name in enumerate(facts["classes"]) if not facts["classes"][name]["pixels"]
    ]
    if not names or len(dataset.samples) < dataset.total:
        return ""
    return (
        f"no label of a segmented image has a pixel of {', '.join(names)}, so that these are never scored, expected "
        "each class's number in the labels; 255 is no class but what is ignored, so write a mask of 0 and 255 with "
        "the number"
    )


def _options(arguments: argparse.Namespace, dataset: "Dataset", protocol: str) -> dict[str, Any]:
    """Return the protocol's options for the data set with the user's choices; other inputs have no protocol."""
    from talk2dino_ros.engine.evaluate.datasets import DatasetError

    way = PROTOCOLS[protocol] if arguments.input in (None, "slide") else {"input": arguments.input}
    if arguments.resize:
        way = way | {"resize": arguments.resize}
    cleaning = {"auto": dataset.background_cleaning and protocol == "talk2dino", "on": True, "off": False}
    options = way | {"refine": arguments.refine, "background_cleaning": cleaning[arguments.background_cleaning]}
    if arguments.background == -1.0:
        own = own_threshold(arguments.model, way.get("window_scores"))
        return options | {"background": own if dataset.has_background else None}
    if not dataset.has_background:
        raise DatasetError(
            f"background is {arguments.background} with {dataset.title}, which scores no background, expected none; "
            "leave it out"
        )
    return options | {"background": arguments.background or None}


def _draw(evaluation: "Evaluation", progress: "Progress", facts: dict[str, Any], stem: Path) -> None:
    """Draw the pictures; the figures are written already, so that a failure is a warning."""
    drawings: dict[str, Callable[[Path], None]] = {
        "classes": lambda path: draw_classes(path, facts),
        "images": lambda path: write_picture(path, _sheet(evaluation, progress, facts["title"])),
    }
    for name, draw in drawings.items():
        path = stem.with_name(f"{stem.name}.{name}.png")
        try:
            draw(path)
            print(f"drawn in {path}")
        except ImportError as error:
            print(f"{path} is not drawn: {error}, expected Matplotlib; pip install matplotlib and run again")
        except (OSError, Talk2DinoError) as error:
            print(f"{path} is not drawn: {error}")


def _sheet(evaluation: "Evaluation", progress: "Progress", title: str) -> npt.NDArray[np.uint8]:
    groups = {
        kind: [_sheet_row(evaluation, place, progress.by_image[place]) for place in places]
        for kind, places in choose(progress.by_image).items()
    }
    return draw_sheet(title, groups, evaluation.vocabulary.labels())


def _sheet_row(evaluation: "Evaluation", place: int, share: float) -> SheetRow:
    compare = evaluation.compare(place)
    return SheetRow(f"{compare.name}, IoU {100 * share:.1f} %", compare.rgb, compare.truth, compare.predicted)
