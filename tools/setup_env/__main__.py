# SPDX-License-Identifier: Apache-2.0
"""The command `python3 tools/setup_env`; says what to do where Python is too old to read the rest."""

import sys
from pathlib import Path

if sys.version_info < (3, 9):  # noqa: UP036  this runs on whatever `python3` is
    sys.exit("Python 3.10 to 3.14 is needed, and this one is older: `make PYTHON=python3.12 setup`.")

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # was this folder, whose modules belong to a package

from setup_env.set_up import main  # noqa: E402

sys.exit(main(HERE.parent.parent))
