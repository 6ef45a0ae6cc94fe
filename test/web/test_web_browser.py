# SPDX-License-Identifier: Apache-2.0
"""The page in a real Chromium, as a person uses it.

The README's picture comes from here: TALK2DINO_WEB_PICTURE=docs/web.jpg python -m pytest test/web -k picture.
"""

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from scripted_source import FIRST_VERSION
from watched_desk import cameras_of
from web_page import WAIT_MS, colour_in, served, wait_for_colour

import talk2dino_ros
from talk2dino_ros.engine import load_segmenter
from talk2dino_ros.perception.presence import Presence, PresenceState
from talk2dino_ros.viz.overlay import color_of
from talk2dino_ros.web.desk.desk_source import DeskSource
from talk2dino_ros.web.web_source import PageCamera, PageClass

PHOTOS = Path(talk2dino_ros.__file__).parent / "demo" / "photos"
NASTY = "<img src=x onerror=\"document.title='taken'\">"


def wait_until_asked(source, page, words):
    """Wait until the server was asked for these words: a page shows a threshold before it is active."""
    for _ in range(WAIT_MS // 50):
        if source.asked and source.asked[-1] == words:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{source.asked} does not end with {words}")


def test_what_the_camera_sees_is_on_the_page(source, page):
    wait_for_colour(page, (200, 40, 40))
    source.show((40, 40, 200))
    wait_for_colour(page, (40, 40, 200))
    assert page.locator("figure img").get_attribute("alt") == "front: mug 25\u00a0%"
    numbers = page.locator("#chips .numbers").first
    assert numbers.inner_text() == "in view, 25\u00a0% of the image, confidence 90\u00a0%"
    front = source.now.cameras[0]
    source.change(cameras=(front, PageCamera("map from above", 1, (16, 12), is_map=True)))  # which is no other camera
    page.wait_for_selector("figure[data-key='map from above']")
    assert numbers.inner_text() == "in view, 25\u00a0% of the image, confidence 90\u00a0%"
    assert page.locator("#seen button .quiet").inner_text() == "90\u00a0%"
    source.change(cameras=(front, replace(front, name="rear", seen=())))
    page.wait_for_selector("figure[data-key=rear]")
    assert numbers.inner_text() == "in view, 25\u00a0% of the image, seen in 1 of 2, confidence 90\u00a0%"


def test_a_robots_words_are_text_and_nothing_else(source, page):
    source.change(classes=(PageClass(NASTY, NASTY, "#e13c3c"),))
    page.wait_for_selector("#chips .name:text('onerror')")
    assert page.locator("#chips .name").inner_text() == NASTY
    assert page.title() == "talk2dino"


def test_words_are_typed_and_removed_by_keyboard_alone(source, page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") != "word"  # the snapshot's link comes first
    for _ in range(10):
        if page.evaluate("document.activeElement.id") == "word":
            break
        page.keyboard.press("Tab")
    page.keyboard.type("door, sofa")
    page.keyboard.press("Enter")
    page.wait_for_selector("#chips li:nth-child(4)")
    page.wait_for_selector("#words-message:empty", state="attached")  # the answer, which may come behind the news
    assert source.asked == [["mug: cup, mug", "!wall", "door", "sofa"]]
    assert page.input_value("#word") == ""
    while page.evaluate("document.activeElement.ariaLabel") != "Remove door":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#chips li:nth-child(4)", state="detached")
    assert source.asked[-1] == ["mug: cup, mug", "!wall", "sofa"]
    # the focus is on what stands there now, and not lost
    page.wait_for_selector("[aria-label='Remove sofa']:focus")
    while not page.evaluate("document.activeElement.closest('#seen')"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert "x 1.25 m, y -0.50 m, z 0.75 m in map" in page.inner_text("#details")
    page.keyboard.press("Escape")
    assert not page.is_visible("#details")


def test_what_was_refused_is_said_and_stays_typed(source, page):
    page.fill("#word", "!!mug")
    page.click("button[type=submit]")
    page.wait_for_selector("#words-message[data-bad=yes]:text('begins with two marks')")
    page.fill("#word", "sofa")
    with source.untold():
        source.now = replace(source.now, version=FIRST_VERSION + 7)
        page.click("button[type=submit]")
        page.wait_for_selector("#words-message:text('by another page')")
    assert page.input_value("#word") == "sofa"
    assert source.asked == []


def test_a_moved_threshold_is_sent_and_shown(source, page):
    slider = page.locator("[aria-label='Threshold of mug']")
    reset = page.locator("[aria-label='Give mug the common threshold']")
    assert slider.get_attribute("aria-valuetext") == "0.525, common"
    assert not reset.is_visible()
    slider.focus()
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    page.wait_for_selector("[aria-valuetext='0.560, own']")
    wait_until_asked(source, page, ["mug >= 0.56: cup, mug", "!wall"])
    assert page.locator("#chips .name").first.inner_text() == "mug: cup, mug"
    page.wait_for_selector("#words-message:empty", state="attached")
    reset.click()
    page.wait_for_selector("[aria-valuetext='0.525, common']:focus")
    wait_until_asked(source, page, ["mug: cup, mug", "!wall"])


def test_how_a_word_stands_is_said_as_the_service_says_it(source, page):
    """Of two cameras the surer one's answer; a share only where the image has one; of an unseen camera nothing."""
    front = source.now.cameras[0]
    near = Presence(1, "mug", PresenceState.NOT_SURE, "", best_score=0.519, evidence=-0.2)
    far = Presence(1, "mug", PresenceState.NOT_IN_VIEW, "", best_score=0.45, evidence=-4.0)
    paused = Presence(1, "mug", PresenceState.NOT_LOOKED_FOR, "")
    for presences, seen, said in (
        [((far,), (near,)), (), "not sure, best score 0.519"],
        [((far,), (far,)), (), "not in view, best score 0.450"],
        [((near,), (far,)), front.seen, "not sure, 25\u00a0% of the image, seen in 1 of 2, confidence 90\u00a0%"],
        [((paused,), ()), (), "not looked for"],
        [((), ()), (), ""],
    ):
        sides = zip(("front", "rear"), presences, (seen, ()), strict=True)
        source.change(cameras=tuple(replace(front, name=n, presences=p, seen=s, points=()) for n, p, s in sides))
        page.wait_for_function("said => document.querySelector('#chips .numbers').textContent === said", arg=said)


def test_on_a_phone_the_robot_is_stopped_without_scrolling_and_what_is_seen_stays(source, open_page):
    watched = []
    source.on_watch = watched.append
    source.change(can_go=True, classes=tuple(PageClass(f"word {i}", f"word {i}", "#e13c3c") for i in range(12)))
    with served(source) as server:
        page = open_page(server.address, viewport={"width": 390, "height": 844}, has_touch=True)
        wait_for_colour(page, (200, 40, 40))
        page.locator("#seen button").scroll_into_view_if_needed()
        page.wait_for_function("document.querySelector('#cameras').getBoundingClientRect().bottom < -250")
        page.click("#seen button")
        page.click("#details-go")
        page.click("#details-go:text('Yes, drive')")
        page.wait_for_selector("#journey:visible")
        top = page.locator("#journey-stop").bounding_box()["y"]
        assert 0 <= top < 100
        page.click("#journey-stop")
        page.click("#journey-close")
        assert not page.is_visible("#journey")
        assert watched == [frozenset({"front"})]


def test_a_robot_is_sent_after_a_confirmation_and_stopped(source, page):
    page.click("#seen button")
    assert not page.is_visible("#details-go")  # no goal node runs
    page.keyboard.press("Escape")
    source.change(can_go=True)
    page.click("#seen button")
    page.click("#details-go")
    assert page.inner_text("#details-message") == "The robot will drive to the mug. Is its way free?"
    assert source.asked == []
    page.click("#details-go:text('Yes, drive')")
    page.wait_for_selector("#journey:visible")
    assert source.asked == [("go", "mug", 3)]
    page.click("#journey-stop")
    page.wait_for_selector("#journey-said:text('cancelled')")
    assert source.asked[-1] == "stop"


def test_the_memory_is_asked_where_it_runs(source, page):
    assert not page.is_visible("#memory")
    source.change(can_find=True)
    page.fill("#memory-word", "mug")
    page.keyboard.press("Enter")
    page.wait_for_selector("#memory-places li:text('mug, 80\u00a0%: x 1.0 m, y 2.0 m, z 0.5 m in map')")


def test_a_lost_segmenter_is_said_and_found_again(source, page):
    wait_for_colour(page, (200, 40, 40))
    source.change(lost="the node talk2dino does not answer; look whether it runs")
    page.wait_for_selector("#lost:visible:text('does not answer')")
    assert page.is_disabled("#word")
    source.change(lost="")
    page.wait_for_selector("#lost", state="hidden")
    assert page.is_enabled("#word")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it_and_axe_finds_nothing(source, open_page, scheme):
    long = "a-very-long-name-without-a-space-" * 3
    source.now = replace(source.now, classes=(*source.now.classes, PageClass(long, long, "#0078ff")))
    with served(source) as server:
        page = open_page(server.address, viewport={"width": 360, "height": 740}, color_scheme=scheme, has_touch=True)
        page.wait_for_selector("#chips li:nth-child(3)")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        page.click("#seen button")
        for results in (Axe().run(page), page.click("#details-close") or Axe().run(page)):
            assert [(each["id"], each["nodes"][0]["html"]) for each in results.response["violations"]] == []


def test_typed_words_change_the_overlay_and_the_picture_of_it(open_page, tmp_path):
    segmenter = load_segmenter("mini", device="cpu", backend="torch")
    segmenter = segmenter.with_options(background=segmenter.model.background)
    first = ["person", "rocket", "flag"]
    desk = DeskSource(segmenter, segmenter.encode_vocabulary(first), cameras_of(PHOTOS))
    try:
        with served(desk) as server:
            page = open_page(server.address, viewport={"width": 1360, "height": 900})
            for name in ("astronaut", "chelsea", "coffee", "grace_hopper"):
                page.wait_for_selector(f"figure[data-key={name}] .frame > img[src]").evaluate("image => image.decode()")
            nose = {"camera": "chelsea", "x": 0.45, "y": 0.55}
            before = colour_in(page, **nose)
            page.fill("#word", "cat, cup")
            page.click("button[type=submit]")
            # half of it is the colour of the fourth class from then on
            wait_for_colour(page, (before + color_of(4)) / 2, **nose)
            page.wait_for_selector("#words-message:empty", state="attached")
            page.wait_for_timeout(2500)  # the plots draw a line
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    finally:
        desk.close()
    picture.save(os.environ.get("TALK2DINO_WEB_PICTURE", tmp_path / "web.jpg"), quality=82)
    assert len(picture.getcolors(2_000_000)) > 10_000  # photographs, and no empty page
