# SPDX-License-Identifier: Apache-2.0
"""What is installed: what is needed and missing is wrong, what only makes faster is noted."""

import shutil
import sysconfig

import pytest

from talk2dino_ros.engine.doctor import software_findings
from talk2dino_ros.engine.doctor.health_finding import Level
from talk2dino_ros.engine.doctor.software_findings import software, version_of


def found(what):
    return next(each for each in software().findings if each.what == what)


@pytest.mark.parametrize(("name", "level"), [("torch", Level.WRONG), ("numba", Level.WRONG), ("triton", Level.NOTE)])
def test_a_library_that_is_missing(monkeypatch, name, level):
    monkeypatch.setattr(software_findings, "version_of", lambda package: "" if package == name else "1.0")
    assert found(name).level is level
    assert found(name).said.startswith("not installed")
    assert found("numpy").said == "1.0"


def test_the_gpu_build_of_a_library_counts(monkeypatch):
    def version(package):
        if package == "onnxruntime-gpu":
            return "1.20"
        raise software_findings.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(software_findings.metadata, "version", version)
    assert version_of("onnxruntime") == "1.20"
    assert version_of("openvino") == ""


def test_no_compiler_is_noted_with_how_to_get_one(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    compiler = found("C compiler")
    assert (compiler.level, compiler.remedy) == (Level.NOTE, "apt install gcc python3-dev")


def test_the_users_own_compiler_comes_first_and_pythons_headers_are_asked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", "own-cc")
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    assert found("C compiler").said == f"/bin/own-cc, but no {tmp_path}/Python.h (Triton needs both, on a GPU)"
    (tmp_path / "Python.h").touch()
    assert found("C compiler").said == "/bin/own-cc, with Python's headers"
