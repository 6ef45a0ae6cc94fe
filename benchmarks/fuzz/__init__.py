# SPDX-License-Identifier: Apache-2.0
"""Random wrong inputs for all that reads what others wrote: `python -m benchmarks.fuzz`."""
