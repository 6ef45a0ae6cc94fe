# SPDX-License-Identifier: Apache-2.0
"""The segmenter's parameters, each declared once."""
