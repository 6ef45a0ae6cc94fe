# SPDX-License-Identifier: Apache-2.0
"""What ROS refuses under SROS 2, in a sentence: an enclave's certificate, its permissions, a middleware without it."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from talk2dino_ros.ros.security.security_settings import (
    PAGE,
    SecurityError,
    check_security,
    enclave_of,
    is_secured,
)

LONGEST_REASON = 300


@contextmanager
def secured_start(arguments: Sequence[str] | None) -> Iterator[None]:
    """Check SROS 2's settings; then say in one sentence what ROS refuses of the process in the `with` block.

    arguments: the process's, None for sys.argv. Raises SecurityError.
    """
    given = sys.argv if arguments is None else arguments
    check_security(os.environ, given)
    if is_secured(os.environ):  # rclpy's, of a node that was refused: it says nothing that the sentence does not
        warnings.filterwarnings("ignore", "Failed to fini rosout publisher", RuntimeWarning)
    with _refusal_told(
        lambda reason: (
            f"ROS refuses the start in the enclave {enclave_of(os.environ, given)!r} ({reason}), expected a "
            "certificate that has not expired, permissions for this node, its namespace and ROS_DOMAIN_ID "
            f"{os.environ.get('ROS_DOMAIN_ID', '0')}, and a middleware with security; {PAGE}"
        )
    ):
        yield


@contextmanager
def permitted(what: str) -> Iterator[None]:
    """Say in one sentence that the enclave does not permit what the `with` block makes; raise SecurityError.

    what: such as "publish /talk2dino/mask".
    """
    with _refusal_told(
        lambda reason: (
            f"ROS does not let the node {what} ({reason}), expected an enclave that permits it; write the name "
            f"into its policy and generate its permissions again ({PAGE})"
        )
    ):
        yield


@contextmanager
def _refusal_told(sentence: Callable[[str], str]) -> Iterator[None]:
    """Raise SecurityError with the sentence that is made of ROS's reason, where ROS refuses what the block does."""
    try:
        yield
    except RuntimeError as error:
        if not _is_refusal(error):
            raise
        raise SecurityError(sentence(_reason(error))) from error


def _is_refusal(error: RuntimeError) -> bool:
    """Whether rcl raised it while SROS 2 is on; rclpy has no public name for the type."""
    return is_secured(os.environ) and type(error).__name__ == "RCLError"


def _reason(error: RuntimeError) -> str:
    reason = str(error).split("\n", maxsplit=1)[0].split(", at /", maxsplit=1)[0][:LONGEST_REASON]
    return reason.replace("error not set", "it does not say why")
