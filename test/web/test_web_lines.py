# SPDX-License-Identifier: Apache-2.0
"""The line between a real Chromium and the page: lost, dead, hidden, of several pages, with a token, read-only."""

import threading

from freezing_relay import FreezingRelay
from web_page import WAIT_MS, served, wait_for_colour

from talk2dino_ros.web.access import Access


def test_a_server_that_comes_back_is_found_again(source, open_page):
    with served(source) as server:
        page, port = open_page(server.address), server.port
    page.wait_for_selector("#link[data-state=waiting]")
    with served(source, port=port):
        page.wait_for_selector("#link[data-state=live]")
        source.show((40, 160, 40))
        wait_for_colour(page, (40, 160, 40))


def test_a_browser_that_slept_and_whose_line_is_dead_connects_again(source, open_page):
    """The line looks open to the browser, and nothing comes of it: as after an hour with the lid closed."""
    with served(source) as server, FreezingRelay(server.port) as relay:
        page = open_page(f"http://127.0.0.1:{relay.port}/")
        wait_for_colour(page, (200, 40, 40))
        relay.freeze()
        source.show((40, 40, 200))
        page.evaluate("""() => {
            const now = Date.now;
            Date.now = () => now() + 3600 * 1000;
            document.dispatchEvent(new Event("visibilitychange"));
        }""")
        wait_for_colour(page, (40, 40, 200))
        assert page.get_attribute("#link", "data-state") == "live"


def test_two_pages_have_the_words_of_both_and_a_conflict_is_shown(source, open_page):
    with served(source) as server:
        first, second = open_page(server.address), open_page(server.address)
        first.fill("#word", "door")
        first.click("button[type=submit]")
        second.wait_for_selector("#chips .name:text('door')")
        second.fill("#word", "sofa")
        second.click("button[type=submit]")
        first.wait_for_selector("#chips .name:text('sofa')")
        assert source.asked[-1] == ["mug: cup, mug", "!wall", "door", "sofa"]
        with source.untold():  # as if the news were on its way
            first.click("[aria-label='Remove sofa']")
            first.wait_for_selector("[aria-label='Remove door']:focus")  # which it gets with the answer
            second.fill("#word", "lamp")
            second.click("button[type=submit]")
            second.wait_for_selector("#words-message[data-bad=yes]:text('by another page')")
            assert second.input_value("#word") == "lamp"
        second.wait_for_selector("#chips .name:text('sofa')", state="detached")
        assert source.asked[-1] == ["mug: cup, mug", "!wall", "door"]


def test_an_answer_that_comes_late_takes_no_newer_words_back(source, page):
    answer, set_words = threading.Event(), source.set_words

    def set_words_and_be_late(*arguments):
        reply = set_words(*arguments)
        assert answer.wait(WAIT_MS / 1000)
        return reply

    source.set_words = set_words_and_be_late
    page.fill("#word", "door")
    page.click("button[type=submit]")
    page.wait_for_selector("#chips .name:text('door')")
    source.set_words = set_words
    source.set_words(["mug: cup, mug", "!wall", "door", "sofa"], 0)
    page.wait_for_selector("#chips .name:text('sofa')")
    answer.set()
    page.wait_for_selector("#words-message:empty", state="attached")
    page.click("[aria-label='Remove sofa']")
    page.wait_for_selector("#chips .name:text('sofa')", state="detached")
    assert source.asked[-1] == ["mug: cup, mug", "!wall", "door"]


def test_a_page_that_nobody_sees_asks_for_no_pictures(source, open_page):
    asked = []
    source.on_watch = asked.append
    with served(source) as server:
        page = open_page(server.address)
        wait_for_colour(page, (200, 40, 40))
        page.evaluate("""() => {
            Object.defineProperty(document, "hidden", { value: true, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""")
        for _ in range(WAIT_MS // 50):
            if asked[-1] == frozenset():
                break
            page.wait_for_timeout(50)
        assert asked[-1] == frozenset()


def test_the_token_opens_the_page_and_leaves_the_address(source, open_page):
    access = Access("127.0.0.1", "a-token-of-this-test")
    with served(source, access) as server:
        page = open_page(server.address)
        assert page.url == f"http://127.0.0.1:{server.port}/"
        page.reload()
        page.wait_for_selector("#link[data-state=live]")
        assert page.evaluate("document.cookie") == ""


def test_a_read_only_page_offers_no_change(source, open_page):
    with served(source, Access(read_only=True)) as server:
        page = open_page(server.address)
        page.wait_for_selector("#about:text('read-only')")
        assert page.is_disabled("#word")
        assert page.is_disabled("[aria-label='Remove mug']")
