# SPDX-License-Identifier: Apache-2.0
"""A real browser, and the page in it."""

import shutil

import pytest
from scripted_source import ScriptedSource
from web_page import WAIT_MS, served

BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "chrome")


@pytest.fixture(scope="module")  # its event loop runs in this thread, so that no other file could run one of its own
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (tools/requirements/checks.txt)")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("needs a Chromium or Chrome, expected one on the PATH; apt install chromium")
    with playwright.sync_playwright() as driver:
        try:
            # a container's root has no sandbox
            options = {"args": ["--no-sandbox", "--disable-gpu"], "timeout": 2 * WAIT_MS}
            started = driver.chromium.launch(executable_path=path, **options)
        except playwright.Error as error:
            pytest.skip(f"{path} cannot be started ({str(error).splitlines()[0]}); apt install chromium")
        yield started
        started.close()


@pytest.fixture
def source():
    return ScriptedSource()


@pytest.fixture
def open_page(browser):
    """Open pages of an address, each in a profile of its own; an error in a page's console fails the test."""
    contexts, complaints = [], []

    def opened(address, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
        page.goto(address)
        page.wait_for_selector("#link[data-state=live]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(source, open_page):
    with served(source) as server:
        yield open_page(server.address)
