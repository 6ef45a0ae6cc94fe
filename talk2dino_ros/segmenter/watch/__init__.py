# SPDX-License-Identifier: Apache-2.0
"""Watchdogs of the segmenter: from facts to alarms, and what /diagnostics says of them."""
