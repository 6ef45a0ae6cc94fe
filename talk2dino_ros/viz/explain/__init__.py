# SPDX-License-Identifier: Apache-2.0
"""Draw what each step of the engine saw in one image (engine/inference/explanation.py). Read sections.py first."""
