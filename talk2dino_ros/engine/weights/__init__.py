# SPDX-License-Identifier: Apache-2.0
"""Weights files: where they come from, how they are checked, and how they are loaded strictly."""
