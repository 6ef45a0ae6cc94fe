# SPDX-License-Identifier: Apache-2.0
"""Parse the threshold of a class: `name >= 0.56`, or `name >= 0.56: prompt, prompt`.

The number is a score, the sigmoid of a cosine, as the option `background` is: what a pixel has to reach to be that
class, in place of `background`. Standard library only.
"""

import math
import re
import unicodedata

from talk2dino_ros.engine.errors import VocabularyError

# The scores of the cosines -1 and 1: all that a model can give. Outside of them a threshold means always or never,
# and is mostly meant as something else, such as a percentage or a confidence.
LOWEST_SCORE, HIGHEST_SCORE = 1 / (1 + math.e), math.e / (1 + math.e)
DECIMALS = 4  # of a threshold; a step of it is a cosine of 0.0004
_AT_LEAST = re.compile("[>＞][=＝]|[≥≧⩾]")
_ALMOST = re.compile(r"[<>=≤＜＞＝]\s*[-+]?[.,]?\d[\d.,%]*$")  # "mug > 0.5", "mug = 0.5", "mug <= 0.5"


def split_threshold(head: str, text: str) -> tuple[str, float | None]:
    """Part the name from its threshold, None where it has none.

    head: what stands before the colon. text: the class, for the message. Raises VocabularyError for no such number.
    """
    name, *numbers = _AT_LEAST.split(head)
    if numbers:
        return name, _threshold(" >= ".join(numbers), text)
    if _ALMOST.search(head.rstrip()):
        raise VocabularyError(
            f"the class {text} has a sign and a number in its name, expected 'name >= number' for a threshold; write "
            "'>=', or leave the number out"
        )
    return name, None


def check_no_threshold(prompts: str, text: str) -> None:
    """Raise VocabularyError where a threshold stands among the prompts."""
    if _AT_LEAST.search(prompts):
        raise VocabularyError(
            f"the class {text} has a threshold behind a prompt, expected it behind the name; write "
            "'name >= number: prompt, prompt'"
        )


def _threshold(number: str, text: str) -> float:
    try:
        threshold = round(float(unicodedata.normalize("NFKC", number)), DECIMALS)
    except (ValueError, OverflowError):
        threshold = math.nan
    if not LOWEST_SCORE < threshold < HIGHEST_SCORE:
        raise VocabularyError(
            f"the class {text} has the threshold {number.strip()[:20]!r}, expected a score between "
            f"{LOWEST_SCORE:.2f} and {HIGHEST_SCORE:.2f} (the sigmoid of a cosine, as of background; most lie around "
            "0.55), with a point; correct it, or leave out '>=' for none"
        )
    return threshold
