# SPDX-License-Identifier: Apache-2.0
"""A managed node as a process: its start, executor, faults, and end."""
