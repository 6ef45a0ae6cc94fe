# SPDX-License-Identifier: Apache-2.0
"""A real browser, and the page in it."""

import shutil

import pytest

BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "chrome")


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (tools/requirements/checks.txt)")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("needs a Chromium or Chrome, expected one on the PATH; apt install chromium")
    with playwright.sync_playwright() as driver:
        try:
            # a container's root has no sandbox
            started = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        except playwright.Error as error:
            pytest.skip(f"{path} cannot be started ({str(error).splitlines()[0]}); apt install chromium")
        yield started
        started.close()
