# SPDX-License-Identifier: Apache-2.0
"""What ends the set-up: one sentence with what was found, what was expected and what to do."""


class SetupError(Exception):
    """The set-up cannot go on until the user does what the message says."""
