# SPDX-License-Identifier: Apache-2.0
"""Diagnosis of the image transport: can images arrive, and the remedy if not."""
