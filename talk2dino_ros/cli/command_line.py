# SPDX-License-Identifier: Apache-2.0
"""The commands of `talk2dino`, and the parser of its command line."""

import argparse

from talk2dino_ros.cli.bags.replay import add_replay_command
from talk2dino_ros.cli.bench import add_bench_command
from talk2dino_ros.cli.calibration.calibrate import add_calibrate_command
from talk2dino_ros.cli.doctor import add_doctor_command
from talk2dino_ros.cli.encode import add_encode_command
from talk2dino_ros.cli.evaluate import add_evaluate_command
from talk2dino_ros.cli.explain import add_explain_command
from talk2dino_ros.cli.export import add_export_command
from talk2dino_ros.cli.files.compared.compare import add_compare_command
from talk2dino_ros.cli.files.segment import add_segment_command
from talk2dino_ros.cli.label.label import add_label_command
from talk2dino_ros.cli.memory.memory_command import add_memory_command
from talk2dino_ros.cli.nav2_layer import add_nav2_layer_command
from talk2dino_ros.cli.servers.mcp import add_mcp_command
from talk2dino_ros.cli.servers.web import add_web_command
from talk2dino_ros.cli.train import add_train_command
from talk2dino_ros.cli.weights import add_weights_command


def make_parser() -> argparse.ArgumentParser:
    """Return the parser with all commands; `run(options)` of what it returns runs the command."""
    parser = argparse.ArgumentParser(prog="talk2dino", description="Segment images by words of your choice.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_segment_command(commands)
    add_compare_command(commands)
    add_label_command(commands)
    add_weights_command(commands)
    add_encode_command(commands)
    add_calibrate_command(commands)
    add_export_command(commands)
    add_bench_command(commands)
    add_doctor_command(commands)
    add_evaluate_command(commands)
    add_explain_command(commands)
    add_train_command(commands)
    add_memory_command(commands)
    add_replay_command(commands)
    add_nav2_layer_command(commands)
    add_web_command(commands)
    add_mcp_command(commands)
    return parser
