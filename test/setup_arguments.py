# SPDX-License-Identifier: Apache-2.0
"""What setup.py hands to setuptools, which differs between colcon's commands and pip's."""

import runpy
from pathlib import Path
from typing import Any
from unittest.mock import patch

SETUP = Path(__file__).resolve().parents[1] / "setup.py"


def setup_arguments(command: str) -> dict[str, Any]:
    """Return the keyword arguments of `setup` for one of its commands, such as `develop` or `bdist_wheel`."""
    with patch("setuptools.setup") as setup, patch("sys.argv", [str(SETUP), command]):
        runpy.run_path(str(SETUP))
    return setup.call_args.kwargs
