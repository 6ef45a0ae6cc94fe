# SPDX-License-Identifier: Apache-2.0
"""What package.xml and setup.py promise is what the code needs, and what the set-up pins is all that it installs."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from setup_arguments import setup_arguments

from setup_env.requirements import constraints_with_wheels, desk_requirements, distribution_of, ros_requirements
from setup_env.situation import WHEELS
from setup_env.workspace import STUB_PACKAGES

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ElementTree.parse(ROOT / "package.xml").getroot()
SETUP = ast.parse((ROOT / "setup.py").read_text())
REQUIREMENTS = ROOT / "tools" / "requirements"
# Part of other packages' dependencies, never named alone in a package.xml.
COMES_WITH_RCLPY = {"ament_index_python", "builtin_interfaces", "rcl_interfaces"}
PACKAGE_OF_MODULE = {"tf2_ros": "tf2_ros_py"}  # where the names differ


def setup_argument(name: str) -> ast.expr:
    calls = [node for node in ast.walk(SETUP) if isinstance(node, ast.Call)]
    return next(keyword.value for call in calls for keyword in call.keywords if keyword.arg == name)


def imported_ros_packages() -> set[str]:
    text = "\n".join(path.read_text() for path in (ROOT / "talk2dino_ros").rglob("*.py"))
    names = re.findall(r"^\s*(?:from|import) (\w+)", text, flags=re.MULTILINE)
    others = {"cv_bridge", "rclpy", "tf2_ros"}
    found = {name for name in names if name.endswith(("_msgs", "_srvs")) or name in others}
    return {PACKAGE_OF_MODULE.get(name, name) for name in found}


def test_package_xml_declares_every_ros_package_that_the_code_imports() -> None:
    declared = {element.text for element in MANIFEST if element.tag in {"depend", "exec_depend"}}
    assert imported_ros_packages() - COMES_WITH_RCLPY <= declared


def test_setup_py_and_package_xml_name_the_same_version() -> None:
    assert ast.literal_eval(setup_argument("version")) == MANIFEST.findtext("version")


def test_the_interface_packages_carry_the_same_version_as_the_node() -> None:
    interfaces = ElementTree.parse(ROOT / "talk2dino_msgs" / "package.xml").getroot()
    assert interfaces.findtext("version") == MANIFEST.findtext("version")


def test_every_console_script_names_a_function_that_is_there() -> None:
    scripts = setup_arguments("install")["entry_points"]["console_scripts"]
    assert set(setup_arguments("bdist_wheel")["entry_points"]["console_scripts"]) < set(scripts)
    for script in scripts:
        module, function = script.split(" = ")[1].split(":")
        source = (ROOT / Path(*module.split("."))).with_suffix(".py").read_text()
        assert re.search(rf"^def {function}\(|import .*\b{function}\b", source, flags=re.MULTILINE), script


def test_colcon_has_pip_ask_for_nothing_and_pip_gets_no_files_of_ros() -> None:
    """A console script with requirements that a robot has from Debian, unknown to Python, might not start."""
    for command in ("develop", "egg_info", "install"):
        assert setup_arguments(command)["install_requires"] == ["setuptools"]
    for command in ("bdist_wheel", "dist_info", "editable_wheel", "sdist"):
        arguments = setup_arguments(command)
        asked = {distribution_of(line) for line in arguments["install_requires"]}
        assert {"torch", "timm", "open-clip-torch", "numpy", "opencv-python-headless"} <= asked
        assert "data_files" not in arguments


def test_the_stub_packages_are_for_packages_that_a_robot_has_from_its_ros() -> None:
    declared = {element.text for element in MANIFEST if element.tag == "depend"}
    for folder in STUB_PACKAGES:
        manifest = ElementTree.parse(ROOT / folder / "package.xml").getroot()
        assert manifest.findtext("name") == Path(folder).name
        assert manifest.findtext("name") in declared


def test_every_message_of_a_stub_package_is_built() -> None:
    for folder in STUB_PACKAGES:
        built = re.findall(r"msg/\w+\.msg", (ROOT / folder / "CMakeLists.txt").read_text())
        assert sorted(built) == sorted(f"msg/{file.name}" for file in (ROOT / folder / "msg").iterdir())


def test_every_interface_of_our_own_is_built() -> None:
    folder = ROOT / "talk2dino_msgs"
    built = re.findall(r"(?:action|msg|srv)/\w+\.(?:action|msg|srv)", (folder / "CMakeLists.txt").read_text())
    files = [file for kind in ("action", "msg", "srv") for file in (folder / kind).iterdir()]
    assert sorted(built) == sorted(f"{file.parent.name}/{file.name}" for file in files)


def test_every_requirement_has_one_exact_version_for_each_python() -> None:
    for distro in WHEELS:
        lock = [
            line for line in constraints_with_wheels(REQUIREMENTS, distro).splitlines() if line[:1] not in ("", "#")
        ]
        assert all("==" in line for line in lock)
        locked = {distribution_of(line) for line in lock}
        for file in (*ros_requirements(REQUIREMENTS, distro), *desk_requirements(REQUIREMENTS)):
            asked = {distribution_of(line) for line in file.read_text().splitlines()} - {""}
            assert asked, file.name
            assert asked <= locked, file.name


def test_a_lock_of_wheels_holds_the_wheels_of_its_ros_and_nothing_that_the_common_lock_holds() -> None:
    common = {distribution_of(line) for line in (REQUIREMENTS / "lock.txt").read_text().splitlines()}
    for distro in WHEELS:
        names = {distribution_of(line) for line in (REQUIREMENTS / f"lock_{distro}.txt").read_text().splitlines()}
        assert f"ros-{distro}-rclpy" in names
        assert not names & (common - {""})
        assert not [name for other in WHEELS if other != distro for name in names if name.startswith(f"ros-{other}-")]


def test_the_installed_package_has_all_that_setup_py_promises(tmp_path: Path) -> None:
    """The marker of PEP 561 among it: without it a type checker takes the installed package for untyped."""
    command = [sys.executable, "setup.py", "-q", "build", "--build-base", tmp_path / "build"]
    subprocess.run([*command, "build_py", "--build-lib", tmp_path / "lib"], cwd=ROOT, check=True)
    promised = setup_arguments("build")["package_data"]
    for pattern in promised["talk2dino_ros"]:
        assert list((ROOT / "talk2dino_ros").glob(pattern)), f"{pattern} is in the source"
        assert list((tmp_path / "lib" / "talk2dino_ros").glob(pattern)), f"{pattern} is installed"
    assert "py.typed" in promised["talk2dino_ros"]
