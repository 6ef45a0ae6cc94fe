# SPDX-License-Identifier: Apache-2.0
"""A comparison as one HTML file that needs nothing beside it: no script, no font, no picture of elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from talk2dino_ros.cli.files.compared.compared_pictures import pair_pictures
from talk2dino_ros.cli.files.compared.comparison import ClassAgreement, ImagePair, ResultComparison
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.engine.text.safe_text import safe_text
from talk2dino_ros.viz.overlay import color_of

EXCHANGES = 10
# of a manifest's first line; the others follow from these, or are the same where they are
TOLD = ("model", "weights", "projection", "device", "precision", "backend", "classes", "options", "every", "versions")

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d1d22; --faint: #67676f; --line: #dcdce2; --panel: #f5f5f8;
  --accent: #2563c9; --mark: #c4007f; }
@media (prefers-color-scheme: dark) { :root { --paper: #16161a; --ink: #ececf0; --faint: #a2a2ac; --line: #35353d;
  --panel: #212127; --accent: #7eabff; --mark: #ff5cc0; } }
body { margin: 0 auto; max-width: 1180px; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; overflow-wrap: anywhere; }
p { margin: .3rem 0; } .faint { color: var(--faint); }
table { border-collapse: collapse; width: 100%; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .35rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere; }
th { font-weight: 600; color: var(--faint); } th[scope=row] { white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
tr.other td { background: color-mix(in srgb, var(--mark) 12%, transparent); }
meter { width: 8rem; height: .8rem; vertical-align: middle; }
.dot { display: inline-block; width: .8em; height: .8em; border-radius: .2em; margin-right: .35em; }
.three { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .6rem; }
.three figure { margin: 0; } .three img { width: 100%; display: block; border-radius: .3rem; background: var(--panel); }
figcaption { color: var(--faint); font-size: .85rem; } .mark { color: var(--mark); font-weight: 600; }
@media (max-width: 640px) { .three { grid-template-columns: 1fr; } body { padding: .8rem; } }
"""


def comparison_page(comparison: ResultComparison, most: int) -> str:
    """Return the page. most: how many images are shown, of those that differ most."""
    shown = comparison.pairs[:most]
    one, other = (_text(side.path) for side in comparison.sides)
    parts = [
        f"<h1>A: {one}<br>B: {other}</h1>",
        _summary(comparison),
        _heading("What they were made with", _abouts(comparison)),
        _heading("Classes", _classes(comparison)),
        _heading("What becomes what", _exchanges(comparison)),
        _heading(f"Images, those that differ most first ({len(shown)} of {len(comparison.pairs)})", ""),
        *map(_image, shown, pair_pictures(comparison, shown)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; style-src '
        "'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{one} and {other}</title><style>{_STYLE}</style></head>\n<body><main>\n"
        + "\n".join(parts)
        + "\n</main></body></html>\n"
    )


def _summary(comparison: ResultComparison) -> str:
    images = counted(len(comparison.pairs), "image")
    sentence = f"{comparison.same:.1%} of the pixels of {images} have the same name in both."
    only = [
        f"{counted(count, 'image is', 'images are')} only in {letter}"
        for letter, count in zip("AB", comparison.missing, strict=True)
        if count
    ]
    rest = f" {' and '.join(only)}, and left out." if only else ""
    return f"<p>{sentence}{rest}</p>"


def _heading(title: str, content: str) -> str:
    return f"<h2>{_text(title)}</h2>\n{content}"


def _abouts(comparison: ResultComparison) -> str:
    one, other = (side.about for side in comparison.sides)
    rows = [(name, *_told_both(one.get(name), other.get(name))) for name in TOLD]
    cells = [
        f'<tr{_other(first != second)}><th scope="row">{_text(name)}</th>'
        f"<td>{_text(first)}</td><td>{_text(second)}</td></tr>"
        for name, first, second in rows
        if first or second
    ]
    return _table(["", "A", "B"], cells)


def _classes(comparison: ResultComparison) -> str:
    ids = [{name: class_id for class_id, name in side.names.items()} for side in comparison.sides]
    return _table(
        ["class", "IoU of A and B", "share in A", "share in B", "B - A", "images in A", "images in B"],
        [_class(each, [own.get(each.name) for own in ids]) for each in comparison.classes()],
        numbers=(2, 3, 4, 5, 6),
    )


def _class(each: ClassAgreement, ids: Sequence[int | None]) -> str:
    dots = "".join(map(_dot, dict.fromkeys(class_id for class_id in ids if class_id is not None)))
    letters = [letter for letter, own in zip("AB", ids, strict=True) if own is not None]
    where = f"only in {letters[0]}" if len(letters) == 1 else ""
    iou = where or ("in neither" if each.iou is None else f'<meter value="{each.iou:.4f}"></meter> {each.iou:.1%}')
    one, other = each.shares
    numbers = [f"{one:.2%}", f"{other:.2%}", f"{100 * (other - one):+.2f}", *map(str, each.images)]
    cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
    return f"<tr{_other(bool(where))}><td>{dots}{_text(each.name)}</td><td>{iou}</td>{cells}</tr>"


def _exchanges(comparison: ResultComparison) -> str:
    rows = [
        f'<tr><td>{_text(one)}</td><td>{_text(other)}</td><td class="number">{share:.2%}</td></tr>'
        for one, other, share in comparison.exchanges(EXCHANGES)
    ]
    return _table(["in A", "in B", "share of all pixels"], rows, numbers=(2,)) if rows else "<p>Nothing.</p>"


def _image(pair: ImagePair, pictures: Sequence[str]) -> str:
    title = f'{_text(pair.one["file"])} <span class="mark">{pair.differing:.1%} differ</span>'
    figures = "".join(
        f'<figure><img loading="lazy" src="{url}" alt="{caption} of {_text(pair.one["file"])}">'
        f"<figcaption>{caption}</figcaption></figure>"
        for url, caption in zip(pictures, ("A", "B", "where they differ"), strict=True)
    )
    return f'<section><h3>{title}</h3><div class="three">{figures}</div></section>'


def _table(heads: Sequence[str], rows: Iterable[str], numbers: Sequence[int] = ()) -> str:
    cells = "".join(
        f'<th scope="col"{" class=number" if place in numbers else ""}>{_text(head)}</th>'
        for place, head in enumerate(heads)
    )
    return f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _other(is_other: bool) -> str:
    return ' class="other"' if is_other else ""


def _dot(class_id: int) -> str:
    return f'<span class="dot" style="background: rgb{color_of(class_id)}"></span>'


def _told_both(one: Any, other: Any) -> tuple[str, str]:
    """Return two values as texts; of tables what differs, or where nothing does all that is in them."""
    if isinstance(one, dict) and isinstance(other, dict) and one != other:
        differing = [name for name in {**one, **other} if one.get(name) != other.get(name)]
        one, other = ({name: each.get(name, "-") for name in differing} for each in (one, other))
    return _told(one), _told(other)


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value if value is not None else "")


def _text(value: object) -> str:
    """Return any text for HTML: what is in it is shown and never acted on."""
    return escape(safe_text(str(value)))
