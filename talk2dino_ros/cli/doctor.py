# SPDX-License-Identifier: Apache-2.0
"""`talk2dino doctor`: whether an image can be segmented on this machine, and what to do about what is not right."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talk2dino_ros.cli.model_arguments import add_model_arguments, model_choices
from talk2dino_ros.engine.doctor.health_finding import HealthFinding, Level, Section, sections_to_json, sections_to_text
from talk2dino_ros.engine.doctor.software_findings import software
from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.files.atomic_write import write_atomically
from talk2dino_ros.engine.options import BACKENDS
from talk2dino_ros.ros.missing_package import REMEDIES, lacking
from talk2dino_ros.viz.pictures import UnwritableError

if TYPE_CHECKING:
    from talk2dino_ros.engine.doctor.model_findings import MainJob

FORMAT = 1  # of the report; other fields, another number


def add_doctor_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the sub-command; its status is 0 only where the model can segment an image."""
    parser = commands.add_parser("doctor", help="check whether images can be segmented here, and say what is missing")
    add_model_arguments(parser)
    parser.add_argument("--backend", default="auto", choices=BACKENDS, help="what runs the image encoder")
    parser.add_argument("--onnx-file", type=Path, help="file of `talk2dino export`, for onnxruntime and tensorrt")
    parser.add_argument(
        "--vocabulary-file", type=Path, help="file of `talk2dino encode`; no text encoder is then needed"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--output", "-o", type=Path, metavar="FILE", help="also write the report as JSON, to be sent")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look at everything and print it. Raises ModelError for an unknown model, UnwritableError for the file."""
    sections = [software()]
    job, machine = None, None
    try:
        from talk2dino_ros.engine.bench.machine import describe_machine
        from talk2dino_ros.engine.doctor.device_findings import devices
    except ImportError as error:
        sections.append(_broken(error))
    else:
        machine = describe_machine()
        sections.append(devices(machine))
        job = _try_model(arguments)
        sections += job.sections
    sections += _ros()
    report = _report(sections, job, machine)
    print(json.dumps(report, indent=1) if arguments.json else f"{sections_to_text(sections)}\n\n{_summary(report)}")
    if arguments.output:
        _write(arguments.output, report)
        if not arguments.json:
            print(
                f"written to {arguments.output}, to be sent with a question; it holds paths and names of this machine"
            )
    return 0 if report["can_segment"] else 1


def _broken(error: ImportError) -> Section:
    remedy = "activate the virtual environment, or pip install what is missing"
    return Section("Devices", (HealthFinding("PyTorch", f"cannot be imported: {error}", Level.WRONG, remedy),))


def _try_model(arguments: argparse.Namespace) -> MainJob:
    from talk2dino_ros.engine.doctor.model_findings import try_model

    choices: dict[str, Any] = model_choices(arguments) | {"backend": arguments.backend}
    return try_model(
        arguments.model, onnx_file=arguments.onnx_file, vocabulary_file=arguments.vocabulary_file, **choices
    )


def _ros() -> tuple[Section, ...]:
    try:
        from talk2dino_ros.segmenter.transport.graph_findings import ros_sections
        from talk2dino_ros.segmenter.transport.running_graph import look_at_graph
    except ImportError as error:
        return (Section("ROS", (_missing(error),)),)
    try:
        return ros_sections(look_at_graph())
    except Talk2DinoError as error:
        return (
            Section(
                "ROS",
                (HealthFinding("ROS 2", str(error), Level.WRONG, "look at SROS 2's settings (docs/security.md)"),),
            ),
        )
    except Exception as error:  # of the middleware, which is what a person is here for
        said = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        return (
            Section("ROS", (HealthFinding("ROS 2", said, Level.WRONG, "look at RMW_IMPLEMENTATION and the network"),)),
        )


def _missing(error: ImportError) -> HealthFinding:
    name, remedy = lacking(error)
    said = f"the Python package {name} is missing" if name else f"cannot be imported: {error}"
    remedy = f"for the nodes: {remedy or REMEDIES['rclpy']}; the commands here need no ROS"
    return HealthFinding("ROS 2", said, Level.NOTE, remedy)


def _report(sections: list[Section], job: MainJob | None, machine: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "talk2dino_doctor": FORMAT,
        "can_segment": job is not None and job.can_run,
        "said": job.said if job else "PyTorch cannot be imported",
        "machine": machine,
        "self_check": job.check.to_json() if job and job.check else None,
        "sections": sections_to_json(sections),
    }


def _summary(report: dict[str, Any]) -> str:
    """Say the main point in one line, then what is to be done, most of it once more."""
    findings = [each for section in report["sections"] for each in section["findings"]]
    wrong = [each for each in findings if each["level"] == Level.WRONG.value and each["remedy"]]
    remedies = dict.fromkeys(each["remedy"] for each in wrong)
    names = {
        remedy: ", ".join(each["what"].strip() for each in wrong if each["remedy"] == remedy) for remedy in remedies
    }
    todo = ["To do:", *(f"  {names[remedy]}: {remedy}" for remedy in remedies)] if wrong else []
    verdict = ("It works" if wrong else "All is well") if report["can_segment"] else "Not yet"
    return "\n".join([f"{verdict}: {report['said']}", *todo])


def _write(path: Path, report: dict[str, Any]) -> None:
    try:
        write_atomically(path, json.dumps(report, indent=1).encode())
    except OSError as error:
        raise UnwritableError(
            f"{path} cannot be written ({error}), expected a file in an existing folder; name another"
        ) from error
