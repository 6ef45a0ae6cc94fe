# SPDX-License-Identifier: Apache-2.0
"""How functions over arrays are compiled for a CPU, by numba, on first use; the result is kept beside the source."""

from numba import njit

# contract: multiply-add in one step. numpy: a division by zero gives infinity, for the test that raises an error
# would keep the compiler from turning a loop into vector code.
_SETTINGS = {"nogil": True, "cache": True, "fastmath": {"contract"}, "error_model": "numpy"}

compiled = njit(**_SETTINGS)
inlined = njit(inline="always", **_SETTINGS)
