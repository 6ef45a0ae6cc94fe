# SPDX-License-Identifier: Apache-2.0
"""The services of the vocabulary, its ids, and its state over restarts."""
