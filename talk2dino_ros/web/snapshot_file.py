# SPDX-License-Identifier: Apache-2.0
"""A snapshot as one file to keep: image, mask and what is known of both."""

from __future__ import annotations

import io
import json
import zipfile

from PIL import Image

from talk2dino_ros.web.web_source import Snapshot


def zipped(snapshot: Snapshot) -> bytes:
    """Return a zip with image.png, mask.png (gray, class ids, 255 = unlabeled) and snapshot.json."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:  # PNGs do not get any smaller
        for name, pixels in (("image.png", snapshot.rgb), ("mask.png", snapshot.mask)):
            picture = io.BytesIO()
            Image.fromarray(pixels).save(picture, "PNG")
            archive.writestr(name, picture.getvalue())
        archive.writestr("snapshot.json", json.dumps(snapshot.facts, indent=1))
    return content.getvalue()
