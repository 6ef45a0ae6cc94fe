# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from PIL import ImageFont

from talk2dino_ros.viz import legend
from talk2dino_ros.viz.legend import draw_legend

RED = (200, 30, 30)


def drawn(names, height=480, width=640, color=RED):
    """The legend on a white image, and which of its pixels it covers."""
    picture = np.full((height, width, 3), 255, np.uint8)
    draw_legend(picture, [(name, color) for name in names])
    return picture, (picture != 255).any(axis=2)


def extent(covered):
    ys, xs = np.nonzero(covered)
    return int(xs.max()) + 1, int(ys.max()) + 1


def test_without_a_class_there_is_no_legend_panel():
    assert not drawn([])[1].any()


def test_each_class_adds_a_line():
    heights = [extent(drawn(["cup"] * count)[1])[1] for count in (1, 2, 3)]
    assert heights[1] - heights[0] == heights[2] - heights[1] > 10


def test_the_panel_grows_with_the_image():
    small, large = (extent(drawn(["cup"], height, height * 4 // 3)[1])[1] for height in (300, 1200))
    assert large == pytest.approx(4 * small, rel=0.15)


def test_the_legend_panel_is_translucent_with_light_letters():
    picture, covered = drawn(["cup"])
    values, counts = np.unique(picture[covered].reshape(-1, 3), axis=0, return_counts=True)
    panel = values[counts.argmax()]
    opacity = round(255 * legend.PANEL_OPACITY) / 255
    np.testing.assert_allclose(panel, 255 - opacity * (255 - np.array(legend.PANEL_COLOR)), atol=1)
    assert legend.TEXT_COLOR in {tuple(value) for value in values.tolist()}
    assert RED in {tuple(value) for value in values.tolist()}


def test_a_name_that_is_too_wide_is_cut_within_the_image():
    (right, _), (whole, _) = extent(drawn(["w" * 10_000])[1]), extent(drawn(["w" * 9_999])[1])
    assert right == whole <= 640
    assert legend._shorten("w" * 10_000, 18, 100).endswith("…")
    assert legend._width(legend._shorten("w" * 10_000, 18, 100), 18) <= 100
    assert legend._shorten("cup", 18, 100) == "cup"


def test_classes_without_room_are_counted_in_the_last_line(monkeypatch):
    seen = []
    monkeypatch.setattr(
        legend, "font_for", lambda name, size, real=legend.font_for: seen.append(name) or real(name, size)
    )
    legend._panel.cache_clear()
    _, bottom = extent(drawn([f"class {number}" for number in range(254)], height=200)[1])
    assert bottom <= 200
    (more,) = {name for name in seen if name.startswith("+")}
    shown = {name for name in seen if name.startswith("class")}
    assert more == f"+ {254 - len(shown)} more"


@pytest.mark.parametrize("size", [(30, 640), (480, 60), (8, 8)])
def test_an_image_too_small_for_letters_has_no_legend(size):
    assert not drawn(["cup"], *size)[1].any()


@pytest.mark.parametrize(
    "name", ["Tür", "дверь", "木のテーブル", "باب", "☕🚪", "a\nb", "\u0000", "é" * 300, " ", "e\u0301"]
)
def test_any_name_is_drawn_without_a_crash(name):
    assert drawn([name])[1].any()


def test_letters_beyond_ascii_are_not_drawn_as_the_box_for_missing_ones():
    font = legend.font_for("Tür ß é ñ Å", 20)
    assert legend._covers(font, "Türßéñ")


def test_a_name_in_another_script_takes_a_font_that_has_it(monkeypatch):
    try:
        ImageFont.truetype("DejaVuSans.ttf", 20)
    except OSError:
        pytest.skip("DejaVuSans.ttf is not installed: another script's letters are not looked at")
    assert legend._covers(legend.font_for("дверь", 20), "дверь")


def test_without_any_system_font_the_built_in_one_serves(monkeypatch):
    monkeypatch.setattr(legend, "FONTS", ("no-such-font.ttf",))
    legend._fonts.cache_clear()
    legend._panel.cache_clear()
    assert drawn(["cup дверь"])[1].any()
    assert len(legend._fonts(18)) == 1
    legend._fonts.cache_clear()
