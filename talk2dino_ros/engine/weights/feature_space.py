# SPDX-License-Identifier: Apache-2.0
"""Name the space of patch features: features of one name can be compared, those of two are strangers."""

import hashlib
from collections.abc import Sequence

DIGITS = 16  # of the sum; two spaces of one robot never share 64 bits


def feature_space(image_encoding: str, weights_sums: Sequence[str]) -> str:
    """Return 16 hexadecimal digits over what makes image features.

    image_encoding: `Model.image_encoding`, network and patch source. weights_sums: the sha256 of each weights file of
    the image encoder, in the order of `Model.image_roles`. Precision and backend change a feature by its rounding, the
    words' projection not at all, so they are left out.
    """
    return hashlib.sha256("\n".join([image_encoding, *weights_sums]).encode()).hexdigest()[:DIGITS]
