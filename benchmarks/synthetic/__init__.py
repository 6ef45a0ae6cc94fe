# SPDX-License-Identifier: Apache-2.0
"""A synthetic world in which it can be seen, in minutes and without a download, that the training learns."""
