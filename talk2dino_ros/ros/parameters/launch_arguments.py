# SPDX-License-Identifier: Apache-2.0
"""Convert launch arguments to parameters and remappings.

Standard library only: `ros2 launch` runs on the system's Python, which need not have the engine's libraries.
"""

import os
import runpy
from collections.abc import Iterable, Mapping
from pathlib import Path

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.class_syntax import split_classes
from talk2dino_ros.ros.parameters.ros_values import KINDS, kind_of

PROFILE_VARIABLE = "FASTDDS_DEFAULT_PROFILES_FILE"
OLD_PROFILE_VARIABLE = "FASTRTPS_DEFAULT_PROFILES_FILE"  # Fast DDS 2.x knows no other
OLD_DISTRIBUTIONS = ("humble", "iron", "jazzy")
ON, OFF = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
BUILTIN_VARIABLE = "FASTDDS_BUILTIN_TRANSPORTS"
CYCLONE_VARIABLE = "CYCLONEDDS_URI"
TRANSPORT_VARIABLES = (PROFILE_VARIABLE, OLD_PROFILE_VARIABLE, BUILTIN_VARIABLE)


class LaunchArgumentError(Talk2DinoError):
    """Invalid launch argument."""


def check_files(
    names: Iterable[str], folder: Path, given: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, str]:
    """Have launch files say what they would start, and start none of it: a wrong argument leaves no process behind.

    A file that includes others calls this before it starts anything. names: such as "web" for web.launch.py, which has
    ARGUMENTS with their defaults, and `nodes(given, environment)`. Returns the arguments with those defaults.
    """
    filled = dict(given)
    for name in names:
        file = runpy.run_path(str(folder / f"{name}.launch.py"))
        defaults = {argument: default for argument, default, _ in file["ARGUMENTS"]}
        file["nodes"](defaults | dict(given), environment)
        filled = defaults | filled
    return filled


def installed(package: str) -> str:
    """Return a package's name; raise LaunchArgumentError where it is not installed, which launch says too late."""
    from ament_index_python.packages import PackageNotFoundError, get_package_prefix

    try:
        get_package_prefix(package)
    except PackageNotFoundError as error:
        raise LaunchArgumentError(
            f"package {package!r} not found, expected it to be installed; install it, or leave out what needs it"
        ) from error
    return package


def existing_file(path: str) -> str:
    """Return the path; raise LaunchArgumentError where no file is there (launch would warn and go on)."""
    if not os.path.isfile(path):
        raise LaunchArgumentError(f"there is no file {path!r}, expected a file that exists; correct the path")
    return path


def overrides(given: Mapping[str, str], kinds: Mapping[str, type]) -> dict[str, str | bool]:
    """Return the parameters that arguments give, str or bool; those left empty are none.

    Raises LaunchArgumentError for what is no bool, and for a text that ROS would take for a value of another type.
    """
    filled = {name: kind for name, kind in kinds.items() if given.get(name)}
    return {name: (switch if kind is bool else _text)(name, given[name]) for name, kind in filled.items()}


def switch(name: str, text: str) -> bool:
    """Return a true/false argument as bool; raise LaunchArgumentError for anything else."""
    word = text.strip().lower()
    if word not in (*ON, *OFF):
        raise LaunchArgumentError(f"{name} is {text!r}, expected one of {', '.join((*ON, *OFF))}; correct it")
    return word in ON


def tf_remappings(text: str) -> list[tuple[str, str]]:
    """Return the remappings of /tf and /tf_static into the namespace where `use_namespaced_tf` is true."""
    return [(f"/{topic}", topic) for topic in ("tf", "tf_static")] if switch("use_namespaced_tf", text) else []


def enclave_arguments(folder: str, node: str) -> list[str]:
    """Return the ROS arguments that put a node into its SROS 2 enclave in the folder `enclaves`; empty gives none."""
    if folder and not folder.startswith("/"):
        raise LaunchArgumentError(
            f"enclaves is {folder!r}, expected a path such as /talk2dino, as the keystore has it; begin it with /"
        )
    return ["--enclave", f"{folder.rstrip('/')}/{node}"] if folder else []


def _text(name: str, text: str) -> str:
    if kind_of(text) != KINDS[str]:  # launch writes it into a file without quotes
        raise LaunchArgumentError(
            f"{name} is {text!r}, which ROS would read as {kind_of(text)}, expected a text; write it in quotes into a "
            "parameter file, and give that as params_file"
        )
    return text


def vocabulary_parameters(text: str, config: Path) -> list[str | dict[str, str | list[str]]]:
    """Turn the argument `vocabulary` into what a launch_ros Node takes as `parameters`.

    The text names a vocabulary in the folder `config`, a parameter file (.yaml) or a file of `talk2dino encode`
    (.safetensors), or lists the classes as `engine.class_text.split_classes` reads them, in place of a vocabulary_file
    too; empty text gives no parameters. Raises LaunchArgumentError for a file that is missing, and for a text without
    a word, with which the node would look for others than were meant.
    """
    if not text:
        return []
    shipped = config / f"vocabulary_{text}.yaml"
    if os.path.isfile(shipped):
        return [str(shipped)]
    if text.endswith((".yaml", ".yml")):
        return [existing_file(text)]
    if text.endswith(".safetensors"):
        return [{"vocabulary_file": str(Path(existing_file(text)).absolute())}]
    words = [_unmistakable(word) for word in split_classes(text)]
    if not words:
        raise LaunchArgumentError(
            f"vocabulary is {text!r}, which has no word, expected words such as 'door; sofa: sofa, couch'; name the "
            "classes, or leave the argument out"
        )
    return [{"vocabulary": words, "vocabulary_file": ""}]


def _unmistakable(word: str) -> str:
    """Return the same class in a spelling that launch's file without quotes leaves a text: `y` is true there."""
    return word if kind_of(word) == KINDS[str] else f"{word}: {word}"


def profile_names(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables in which this ROS's Fast DDS looks for its profile, the one to set first."""
    is_old = environment.get("ROS_DISTRO") in OLD_DISTRIBUTIONS
    return (OLD_PROFILE_VARIABLE,) if is_old else (PROFILE_VARIABLE, OLD_PROFILE_VARIABLE)


def profile_variable(environment: Mapping[str, str]) -> str | None:
    """Return the variable that names a Fast DDS profile here; None where the user chose a transport already."""
    names = profile_names(environment)
    return None if any(environment.get(name) for name in (*names, BUILTIN_VARIABLE)) else names[0]


def cyclone_variable(environment: Mapping[str, str]) -> str | None:
    """Return the variable that names a Cyclone DDS profile; None where another middleware or a profile was chosen."""
    is_cyclone = "cyclonedds" in environment.get("RMW_IMPLEMENTATION", "")
    return CYCLONE_VARIABLE if is_cyclone and not environment.get(CYCLONE_VARIABLE) else None
