# SPDX-License-Identifier: Apache-2.0
"""What is measured and simulated, from a checkout alone; nothing of it is installed: `python -m benchmarks.NAME`."""
