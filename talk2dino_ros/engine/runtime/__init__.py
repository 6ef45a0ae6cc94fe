# SPDX-License-Identifier: Apache-2.0
"""What the computation runs on: devices, threads, compiled functions, memory."""
