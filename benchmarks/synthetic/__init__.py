# SPDX-License-Identifier: Apache-2.0
"""Synthetic world that shows in minutes and without a download that the training learns."""
