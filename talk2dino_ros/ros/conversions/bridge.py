# SPDX-License-Identifier: Apache-2.0
"""Use cv_bridge where it is installed and works, OpenCV elsewhere.

A cv_bridge built against NumPy 1 and run beside NumPy 2 is a common sight on robots. It may raise on import,
raise on use, or import with no more than a line on stderr and crash the process at the first image.
No `except` catches the last one, so a child process tries it once before this one does.
"""

import os
import subprocess
import sys
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

# One mono16 pixel of full brightness: it passes through getCvType and cvtColor2, the two compiled functions.
PROBE = """
import cv2
from cv_bridge import CvBridge
from sensor_msgs.msg import Image
image = Image(height=1, width=1, step=2, encoding="mono16")
image.data.frombytes(bytes([255, 255]))
if CvBridge().imgmsg_to_cv2(image, "rgb8").tolist() != [[[255, 255, 255]]]:
    raise RuntimeError("cv_bridge gave wrong pixels")
"""
PROBE_TIMEOUT_S = 30

# What a bridge that the child process found sound may still raise; cv_bridge's own error is a TypeError.
BRIDGE_ERRORS = (ImportError, AttributeError, RuntimeError, SystemError, TypeError, ValueError)


def bridge_status() -> str:
    """Say in one sentence which library converts the encodings outside the fast path; slow once (a child process)."""
    return _load()[1]


def bridge_to_rgb(values: NDArray[Any], encoding: str) -> NDArray[np.uint8] | None:
    """Convert by cv_bridge to uint8 [H, W, 3] RGB; None where it is missing, broken or refuses this image.

    values: uint8 or uint16 [H, W] or [H, W, channels] in this machine's byte order, without padding: cv_bridge
    misreads a step that is no multiple of the pixel, and its byte swap calls what NumPy 2 has dropped.
    """
    bridge = _load()[0]
    if bridge is None:
        return None
    try:
        return np.asarray(bridge.imgmsg_to_cv2(_plain_image(values, encoding), "rgb8"), np.uint8)
    except BRIDGE_ERRORS:
        return None


@lru_cache(maxsize=1)
def _load() -> tuple[Any, str]:
    if find_spec("cv_bridge") is None:
        return None, "cv_bridge is not installed, so OpenCV converts the rarer encodings."
    complaint = _probe()
    if not complaint:
        try:
            from cv_bridge import CvBridge

            return CvBridge(), "cv_bridge converts the rarer encodings."
        except BRIDGE_ERRORS as error:
            complaint = str(error)
    return None, (
        f"cv_bridge is installed but does not work here ({complaint}), so OpenCV converts the rarer encodings;"
        " it often means that it was built for another NumPy."
    )


def _probe() -> str:
    """Convert a pixel in a child process; return its last line of complaint, empty where all is well."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        child = subprocess.run(
            [sys.executable, "-c", PROBE],
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if child.returncode == 0:
        return ""
    lines = child.stderr.strip().splitlines()
    return lines[-1] if child.returncode > 0 and lines else f"it ended with signal {-child.returncode}"


def _plain_image(values: NDArray[Any], encoding: str) -> Any:
    from sensor_msgs.msg import Image

    image = Image(height=values.shape[0], width=values.shape[1], encoding=encoding)
    image.is_bigendian = int(sys.byteorder == "big")
    image.step = values[0].nbytes
    image.data.frombytes(np.ascontiguousarray(values).data.cast("B"))
    return image
