# SPDX-License-Identifier: Apache-2.0
"""Demo on photographs: a camera, the segmenter and a client, three processes as on a robot."""

from pathlib import Path

PHOTOS = Path(__file__).parent / "photos"
