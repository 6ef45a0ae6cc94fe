# SPDX-License-Identifier: Apache-2.0
"""Each word's name in its colour, and the table of how well heads fit words."""

from collections.abc import Container

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from talk2dino_ros.engine.vocabulary import Vocabulary
from talk2dino_ros.viz.explain.blocks import INK, LINE, PAPER, Colour, Rgb, above, beside, text_block
from talk2dino_ros.viz.explain.heat import Scale, heat, number_text
from talk2dino_ros.viz.legend import font_for
from talk2dino_ros.viz.overlay import color_of

DISTRACTOR_COLOUR = (128, 128, 128)  # it is published as unlabeled, so the mask has no colour for it


def word_colours(vocabulary: Vocabulary) -> list[Colour]:
    """Return each class's colour, the mask's."""
    entries = zip(vocabulary.classes, vocabulary.ids, strict=True)
    return [DISTRACTOR_COLOUR if entry.distractor else color_of(class_id) for entry, class_id in entries]


def name_block(name: str, colour: Colour, width: int, height: int, size: int) -> Rgb:
    """Return a swatch and the name in as many lines as it takes, in the middle of `height`."""
    indent, middle = size + size // 2, height // 2
    image = Image.new("RGB", (width, height), PAPER)
    box = (0, middle - size // 2, size - 1, middle - size // 2 + size - 1)
    ImageDraw.Draw(image).rounded_rectangle(box, size // 5, colour)
    text = text_block(name, width - indent, size)
    image.paste(Image.fromarray(text), (indent, middle - len(text) // 2))
    return np.asarray(image)


def names_block(vocabulary: Vocabulary, shown: Container[int], width: int, size: int) -> Rgb:
    """Draw the labelled classes whose ids are shown, swatch and name, in lines of at most `width` pixels."""
    lines: list[list[Rgb]] = [[]]
    for entry, class_id, colour in zip(vocabulary.classes, vocabulary.ids, word_colours(vocabulary), strict=True):
        if entry.distractor or class_id not in shown:
            continue
        wide = min(round(font_for(entry.name, size).getlength(entry.name)) + 3 * size, width)
        if sum(block.shape[1] for block in lines[-1]) + wide > width:
            lines.append([])
        lines[-1].append(name_block(entry.name, colour, wide, round(LINE * size), size))
    return above([beside(line) for line in lines]) if lines[0] else text_block("no word", width, size)


def fit_table(fit: npt.NDArray[np.float32], vocabulary: Vocabulary, width: int, size: int) -> Rgb:
    """Return a row per word, a column per head; the best head of each word has a frame of the word's colour."""
    widest = max(font_for(name, size).getlength(name) for name in vocabulary.names)
    label, line = min(round(widest) + 3 * size, width // 3), round(1.9 * size)
    cell = min((width - label) // fit.shape[1], 6 * size)
    image = Image.new("RGB", (width, line * (len(fit) + 1)), PAPER)
    draw = ImageDraw.Draw(image)
    for head in range(fit.shape[1]):
        heading = f"head {head + 1}" if cell > 4 * size else str(head + 1)
        draw.text((label + head * cell + cell // 2, line // 2), heading, INK, font_for(heading, size), anchor="mm")
    cells = heat(fit, Scale.of(fit))
    for row, colour in enumerate(word_colours(vocabulary)):
        top = line * (row + 1)
        image.paste(Image.fromarray(name_block(vocabulary.names[row], colour, label, line, size)), (0, top))
        for head, value in enumerate(fit[row]):
            left = label + head * cell
            best = head == int(fit[row].argmax())
            fill = tuple(int(v) for v in cells[row, head])
            draw.rectangle((left + 2, top + 2, left + cell - 3, top + line - 3), fill, colour if best else None, 6)
            ink = INK if sum(fill) > 330 else PAPER
            draw.text(
                (left + cell // 2, top + line // 2), number_text(float(value)), ink, font_for("0", size), anchor="mm"
            )
    return np.asarray(image)
