# SPDX-License-Identifier: Apache-2.0
"""Behaviours for py_trees, on a client of the nodes (docs/agents.md)."""
