# SPDX-License-Identifier: Apache-2.0
"""From an image and a vocabulary to class and confidence per pixel."""
