# SPDX-License-Identifier: Apache-2.0
"""The four parts of an explanation: what goes in, the attention heads, each word's scores, the decision.

Each is a picture WIDTH pixels wide, meant to be shown at half its size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from talk2dino_ros.viz.explain.blocks import (
    INK,
    LINE,
    PALE_INK,
    Rgb,
    above,
    beside,
    captioned,
    framed,
    padded,
    scaled,
    text_block,
)
from talk2dino_ros.viz.explain.explained_photo import Box, Size, draw_box, fitting, gridded, masked, most_changed
from talk2dino_ros.viz.explain.explained_words import fit_table, name_block, names_block, word_colours
from talk2dino_ros.viz.explain.heat import Scale, digits_between, heat, number_text, scale_bar

if TYPE_CHECKING:
    from talk2dino_ros.engine.inference.explanation import Explanation, Heads

WIDTH, MARGIN, GAP = 1760, 30, 24
INNER = WIDTH - 2 * MARGIN
TALLEST = 640  # a portrait's height
TITLE, TEXT, SMALL = 36, 27, 25
FRAME = 8
WIDE = 4  # width by height, of a panorama
BRIGHTEST = 0.99  # a head often has single patches that outshine all others: this quantile is at the scale's end


def sections(explanation: Explanation) -> dict[str, Rgb]:
    """Draw all parts, by name."""
    parts = {"image": _image, "heads": _heads, "words": _words, "decision": _decision}
    return {name: padded(draw(explanation), MARGIN) for name, draw in parts.items()}


def sheet(explanation: Explanation) -> Rgb:
    """Draw all parts below one another."""
    return above(list(sections(explanation).values()))


def _section(title: str, text: str, *pictures: Rgb) -> Rgb:
    return above([text_block(title, INNER, TITLE), _paragraph(text), *pictures], gap=GAP // 2)


def _paragraph(text: str) -> Rgb:
    return text_block(text, INNER, TEXT, PALE_INK)


def _image(explanation: Explanation) -> Rgb:
    h, w = explanation.cosines.shape[1:]
    height, width = explanation.network_size
    size = fitting(explanation.rgb, (INNER - 2 * GAP) // 3, TALLEST)
    colours = np.rint(255 * explanation.patch_colours).astype(np.uint8)
    panels = [
        captioned(gridded(explanation.rgb, size, (h, w)), "the image, in patches", SMALL),
        captioned(scaled(colours, *size), "its patch features, as colours", SMALL),
        _answer(explanation, size, "what comes out"),
    ]
    return _section(
        "What goes in, what the image encoder sees, what comes out",
        f"{explanation.model_name} looks at the image at {width} x {height} pixels, in {w} x {h} patches, and "
        "gives each patch a vector. In the middle, red, green and blue are the three directions in which these vectors "
        "differ most: patches that are alike to the network have like colours. No word is involved there yet.",
        beside(panels, GAP),
    )


def _answer(explanation: Explanation, size: Size, caption: str, box: Box | None = None) -> Rgb:
    """Return the mask over the image, perhaps with a box, and the names of what is in it."""
    picture = masked(explanation, size)
    if box:
        draw_box(picture, box, size[0] / explanation.rgb.shape[1])
    seen = set(np.unique(explanation.after.class_ids).tolist())
    names = names_block(explanation.vocabulary, seen, size[0], SMALL)
    return above([captioned(picture, caption, SMALL), names], SMALL // 4)


def _heads(explanation: Explanation) -> Rgb:
    title = "Where the attention heads look"
    heads = explanation.heads
    if heads is None:
        return _section(
            f"{title}, and which word each fits",
            f"{explanation.model_name} is no vision transformer with a class token, so it has no attention heads. "
            "talk2dino_vitb and its like show them here.",
        )
    text = (
        f"How much the class token attends to each patch, in each of the {len(heads.attention)} heads of the last "
        "block, each at its own scale."
    )
    if heads.fit is None:
        return _section(title, text, _head_maps(explanation, heads))
    return _section(
        f"{title}, and which word each fits",
        f"{text} Framed, in the word's colour: the head that fits a word best.",
        _head_maps(explanation, heads),
        _paragraph(
            "How well it fits: the cosine of the word with the mean of all patches, weighted by the head's attention. "
            "Training takes for each caption the head with the largest one."
        ),
        fit_table(heads.fit, explanation.vocabulary, INNER, SMALL),
    )


def _head_maps(explanation: Explanation, heads: Heads) -> Rgb:
    count = len(heads.attention)
    columns = count if count <= 8 else min(-(-count // 2), 8)
    size = fitting(explanation.rgb, (INNER - (columns - 1) * GAP // 2) // columns, TALLEST // 2)
    best = [] if heads.fit is None else heads.fit.argmax(axis=1)
    panels = []
    for head, attention in enumerate(heads.attention):
        words = [index for index in range(len(best)) if best[index] == head]
        scale = Scale(0, float(np.quantile(attention, BRIGHTEST)))
        picture = scaled(heat(attention, scale, cv2.COLORMAP_INFERNO), *size)
        colours = word_colours(explanation.vocabulary)
        for depth, index in enumerate(words):
            picture = framed(picture, colours[index], FRAME, depth * FRAME)
        panels.append(captioned(picture, f"head {head + 1}", SMALL, INK if words else PALE_INK))
    rows = [beside(panels[start : start + columns], GAP // 2) for start in range(0, count, columns)]
    return above(rows, GAP // 2)


def _words(explanation: Explanation) -> Rgb:
    """Return a row per word: its scores at the patches, then what becomes of them, all at one scale."""
    columns = {"at the patches": explanation.scores}
    if explanation.cleaned is not None:
        columns["background cleaned"] = explanation.cleaned
    columns |= {"stretched to pixels": explanation.stretched, "after PAMR": explanation.refined}
    scale = Scale.of(*columns.values())
    side = INNER // 10  # the names at the left, the scale at the right
    size = fitting(
        explanation.rgb,
        (INNER - 2 * side - (len(columns) + 1) * GAP) // len(columns),
        2 * TALLEST // len(explanation.scores),
    )
    headings = beside([text_block("", side, SMALL), *(text_block(name, size[0], SMALL) for name in columns)], GAP)
    rows = [
        beside([name_block(name, colour, side, size[1], SMALL), *maps], GAP)
        for name, colour, maps in zip(
            explanation.vocabulary.names,
            word_colours(explanation.vocabulary),
            (
                [scaled(heat(values[c], scale), *size) for values in columns.values()]
                for c in range(len(explanation.scores))
            ),
            strict=True,
        )
    ]
    table = above(rows, GAP // 2)
    bar = scale_bar(scale, len(table), SMALL, _marks(scale, explanation.background), side)
    return _section(
        "Each word's scores, from the patches to the pixels",
        "A bright patch's vector points the way of the word's: their cosine is large. Stretched to the image's pixels, "
        "scores are blurred; PAMR gives each pixel the mean of neighbours of like colour, so that they follow edges.",
        beside([above([headings, table], GAP // 4), above([text_block("cosine", side, SMALL), bar], GAP // 4)], GAP),
    )


def _marks(scale: Scale, background: float | None) -> dict[float, str]:
    """Return the scale's labels: the cosines at its ends, and the threshold."""
    digits = digits_between(_cosine_of(scale.low), _cosine_of(scale.high))
    marks = {end: number_text(_cosine_of(end), digits) for end in (scale.low, scale.high)}
    return marks | ({background: f"{number_text(_cosine_of(background))}\nthreshold"} if background else {})


def _cosine_of(score: float) -> float:
    """Return the cosine that a score is the sigmoid of."""
    return float(np.log(score / (1 - score)))


def _decision(explanation: Explanation) -> Rgb:
    """Return the whole image with PAMR, and one part closer, without and with."""
    rgb, box = explanation.rgb, most_changed(explanation.before.class_ids, explanation.after.class_ids)
    aspect, between = rgb.shape[1] / len(rgb), GAP + round(LINE * SMALL) + SMALL // 4
    is_wide = aspect > WIDE
    # the close-ups stand beside the whole and together are as high; a panorama leaves no room there
    small = fitting(rgb, (INNER - GAP) // 2 if is_wide else int((INNER - GAP - between * aspect) / 3), TALLEST * 7 // 8)
    high = 2 * small[1] + between
    room = (min(round(high * aspect), INNER - GAP - small[0]), high)  # rounding may ask for a pixel too many
    close = [
        captioned(masked(explanation, small, box, pamr=pamr), f"closer, {how} PAMR", SMALL)
        for pamr, how in ((False, "without"), (True, "with"))
    ]
    size = fitting(rgb, INNER, TALLEST) if is_wide else room
    large = _answer(explanation, size, "the mask over the image", box)
    pictures = above([large, beside(close, GAP)], GAP) if is_wide else beside([large, above(close, GAP)], GAP)
    return _section("The best word of each pixel", _threshold(explanation.background), pictures)


def _threshold(background: float | None) -> str:
    if not background:
        return "There is no threshold, so each pixel gets a word."
    return (
        f"Where no word's score is above the threshold, {background:g} (a cosine of {_cosine_of(background)}), the "
        "pixel stays unlabeled."
    )
