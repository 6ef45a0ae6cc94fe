# SPDX-License-Identifier: Apache-2.0
"""Keyframes on disk."""
