# SPDX-License-Identifier: Apache-2.0
"""What the set-up asks apt for, without asking it."""

import ctypes.util
import os
import platform
import shutil

import pytest

from setup_env import system


@pytest.mark.parametrize(
    ("found", "user", "apt", "asked"),
    [
        (None, 0, "/usr/bin/apt-get", [["libosmesa6"]]),
        ("libOSMesa.so.8", 0, "/usr/bin/apt-get", []),
        (None, 1000, "/usr/bin/apt-get", []),
        (None, 0, None, []),
    ],
    ids=["missing and root", "there", "not root", "no apt"],
)
def test_osmesa_is_installed_where_it_is_missing_and_can_be(
    monkeypatch: pytest.MonkeyPatch, found: str | None, user: int, apt: str | None, asked: list[list[str]]
) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(ctypes.util, "find_library", {"OSMesa": found}.get)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(shutil, "which", {"apt-get": apt}.get)
    monkeypatch.setattr(system, "apt_install", calls.append)
    system.provide_osmesa()
    assert calls == asked


@pytest.mark.parametrize(
    ("there", "distribution", "user", "asked"),
    [
        ({}, "debian", 0, [["chromium"]]),
        ({}, "debian", 1000, []),
        ({}, "ubuntu", 0, []),
        ({"google-chrome": "/usr/bin/google-chrome"}, "debian", 0, []),
    ],
    ids=["Debian", "not root", "a snap's stub", "there"],
)
def test_a_browser_is_installed_where_debian_has_one(
    monkeypatch: pytest.MonkeyPatch, there: dict[str, str], distribution: str, user: int, asked: list[list[str]]
) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": distribution})
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(shutil, "which", {"apt-get": "/usr/bin/apt-get", **there}.get)
    monkeypatch.setattr(system, "apt_install", calls.append)
    system.provide_browser()
    assert calls == asked


def test_a_failing_apt_does_not_end_the_set_up(monkeypatch: pytest.MonkeyPatch, tmp_path, capfd) -> None:
    (tmp_path / "apt-get").write_text("#!/bin/sh\necho 'E: Unable to locate package' >&2\nexit 100\n")
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    system.provide_osmesa()
    out, err = capfd.readouterr()
    assert "apt-get install libosmesa6" in out + err
    assert "Unable to locate package" in err
