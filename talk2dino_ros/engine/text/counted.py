# SPDX-License-Identifier: Apache-2.0
"""Numbers with their nouns, as English has them."""


def counted(number: int, one: str, more: str = "") -> str:
    """Return a number and its noun: "1 image", "2 images"; more: for other numbers than 1, "" for `one` with an s.

    Both may go on with what depends on the number: counted(n, "image was", "images were").
    """
    return f"{number} {one if number == 1 else more or f'{one}s'}"
