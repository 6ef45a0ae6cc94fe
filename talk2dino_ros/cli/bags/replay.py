# SPDX-License-Identifier: Apache-2.0
"""`talk2dino replay`: what the node would have published for a bag, in another bag."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from talk2dino_ros.cli.bags.bag_arguments import add_topic_arguments, topic_names
from talk2dino_ros.cli.class_words import classes_in
from talk2dino_ros.cli.model_arguments import add_model_arguments
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.ros.bags.bag_reader import BagError, open_bag
from talk2dino_ros.viz.terminal import printable

if TYPE_CHECKING:
    from talk2dino_ros.ros.bags.bag_reader import Bag
    from talk2dino_ros.segmenter.parameters.segmenter_parameters import Parameters
    from talk2dino_ros.segmenter.pipeline import ActiveConfiguration
    from talk2dino_ros.segmenter.problem.problem_description import ProblemDescription
    from talk2dino_ros.segmenter.replay.replay_run import ReplayJob, ReplayOutcome, ReplayPlan

# Arguments of `add_model_arguments` that are parameters of the node: given here, they win over a file's.
MODEL_PARAMETERS = ("model", "device", "weights_dir", "projection_file", "text_cache_dir", "precision", "patch_source")


def add_replay_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Declare the sub-command."""
    parser = commands.add_parser(
        "replay",
        help="segment every image of a bag as the node would, into another bag; continues where it was stopped",
    )
    parser.add_argument("bag", type=Path, metavar="BAG", help="folder of `ros2 bag record`, or one of its files")
    parser.add_argument("--output", "-o", type=Path, metavar="BAG", help="the new bag (default: BAG_replayed)")
    parser.add_argument("--params", type=Path, metavar="FILE", help="parameter file, like the node's --params-file")
    words = parser.add_mutually_exclusive_group()
    words.add_argument("--classes", help='words, such as "cat, sofa" (default: those of the parameters)')
    words.add_argument("--vocabulary", type=Path, metavar="FILE", help="file of `talk2dino encode`, instead of words")
    parser.add_argument("--overlay", action="store_true", help="also write the overlay: images with the masks' colours")
    add_topic_arguments(parser, "all")
    add_model_arguments(parser)
    parser.set_defaults(**dict.fromkeys(MODEL_PARAMETERS), run=run)


def run(arguments: argparse.Namespace) -> None:
    """Replay; print what was written, and to stderr what could not be read or had no mask."""
    path = arguments.bag
    if not os.path.exists(path):
        raise BagError(f"{path} does not exist, expected a bag's folder or file; name another")
    from talk2dino_ros.segmenter.problem.problem_description import read_description
    from talk2dino_ros.segmenter.problem.problem_folder import is_problem
    from talk2dino_ros.segmenter.replay.replay_output import ReplayOutput
    from talk2dino_ros.segmenter.replay.replay_run import ReplayJob

    problem = read_description(path) if is_problem(path) else None
    with open_bag(path, is_forgiving=True) as bag:
        plan, load = _prepared(bag, problem, arguments)
        output = ReplayOutput(arguments.output or path.with_name(f"{path.stem}_replayed"), path)
        outcome = _replayed(ReplayJob(bag, plan, load(), output))
        _tell(outcome, output.path, bag)
        _tell_unused(bag, plan)


def _prepared(
    bag: Bag, problem: ProblemDescription | None, arguments: argparse.Namespace
) -> tuple[ReplayPlan, Callable[[], list[tuple[int, ActiveConfiguration]]]]:
    """Return what is replayed, and what loads the model for it; what can be refused before, is."""
    from talk2dino_ros.segmenter.replay.replay_run import plan_problem, plan_replay
    from talk2dino_ros.segmenter.replay.replay_settings import problem_configurations, replay_parameters

    topics, changes, overlay = topic_names(arguments), _changes(arguments), arguments.overlay
    is_named = any((topics.image, topics.depth, topics.info, topics.depth_info))
    if problem is not None and arguments.params is None:
        load = partial(problem_configurations, bag.path, problem, changes, _warn)
        names: Sequence[str] = ()
    else:
        parameters = replay_parameters(arguments.params, changes)
        load, names = partial(_actives, parameters, bag.start_ns), parameters.cameras
    if problem is None or is_named:
        return plan_replay(bag, topics, names, overlay=overlay), load
    print(f"a problem of {printable(problem.node)}, {printable(str(problem.about.get('why', '')))}")
    return plan_problem(bag, problem, overlay=overlay), load


def _actives(parameters: Parameters, version: int) -> list[tuple[int, ActiveConfiguration]]:
    from talk2dino_ros.segmenter.replay.replay_settings import configuration, loaded_segmenter

    segmenter, self_check = loaded_segmenter(parameters, _warn)
    return [(0, configuration(segmenter, self_check, parameters, version, _warn))]


def _changes(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the parameters that the command line names."""
    changes = {name: getattr(arguments, name) for name in MODEL_PARAMETERS}
    changes = {name: str(value) for name, value in changes.items() if value is not None}
    if arguments.classes is not None:
        changes |= {"vocabulary": tuple(classes_in(arguments.classes)), "vocabulary_file": ""}
    if arguments.vocabulary:
        changes["vocabulary_file"] = str(arguments.vocabulary)
    return changes | ({"overlay": True} if arguments.overlay else {})


def _replayed(job: ReplayJob) -> ReplayOutcome:
    total = job.plan.images
    with tqdm(total=total, unit="image", desc=printable(job.bag.path.name)) as bar:
        try:
            return job.run(bar.update)
        except KeyboardInterrupt:
            bar.close()
            done = f"{bar.n} of {counted(total, 'image')}"
            print(f"stopped after {done}; the same command continues from there", file=sys.stderr)
            raise


def _tell(outcome: ReplayOutcome, path: Path, bag: Bag) -> None:
    for camera in outcome.cameras:
        named = f" (camera {camera.name})" if camera.name else ""
        print(
            f"{path}: {counted(camera.masks, 'mask')} of {counted(camera.images, 'image')} on "
            f"{printable(camera.topic)}{named}, {counted(camera.points, 'point')} of interest, "
            f"{counted(len(camera.object_ids), 'object')}"
        )
    if outcome.done_before:
        known = counted(outcome.done_before, "image")
        print(f"{known} had been segmented before it was stopped, and not again")
    for what, count in outcome.report.problems.most_common():
        _warn(f"{counted(count, 'time')} {what}, the first because: {outcome.report.reasons[what]}")
    for sentence in outcome.report.flaws:
        _warn(sentence)
    for loss in outcome.losses:
        _warn(f"{printable(str(bag.path))} is not whole: {loss}; the readable part was replayed")


def _tell_unused(bag: Bag, plan: ReplayPlan) -> None:
    others = sorted(set(bag.types) - set(plan.topics))
    if others:
        listed = ", ".join(f"{printable(topic)} ({printable(bag.types[topic])})" for topic in others[:5])
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        print(f"not used: {counted(bag.count(others), 'message')} of {listed}{more}")


def _warn(sentence: str) -> None:
    print(f"warning: {printable(sentence)}", file=sys.stderr)
