# SPDX-License-Identifier: Apache-2.0
"""Drawings of what each step of the engine saw in one image (engine/explanation.py). Read sections.py first."""
