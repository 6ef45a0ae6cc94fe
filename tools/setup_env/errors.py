# SPDX-License-Identifier: Apache-2.0
"""Error that ends the set-up: one sentence with what was found, what was expected and the remedy."""


class SetupError(Exception):
    """The set-up cannot go on until the user does what the message says."""
