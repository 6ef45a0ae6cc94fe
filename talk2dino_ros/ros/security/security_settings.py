# SPDX-License-Identifier: Apache-2.0
"""SROS 2's settings and keystore, looked at before ROS does, which says little of them or nothing.

ROS takes the settings to the letter, and what it does not know for "off": a node that is meant to be secured would run
unsecured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from talk2dino_ros.engine.errors import Talk2DinoError

ENABLE, STRATEGY, KEYSTORE = "ROS_SECURITY_ENABLE", "ROS_SECURITY_STRATEGY", "ROS_SECURITY_KEYSTORE"
OVERRIDE = "ROS_SECURITY_ENCLAVE_OVERRIDE"
PAGE = "docs/security.md says how"
OFF = ("", "0", "false", "no", "off")
# Of an enclave: each as a file, or where the middleware can, as a key of a token (.p11).
FILES = ("identity_ca.cert.pem", "cert.pem", "key.pem", "permissions_ca.cert.pem", "governance.p7s", "permissions.p7s")
MOST_NAMED = 10


class SecurityError(Talk2DinoError):
    """Settings of SROS 2, a keystore or an enclave with which nothing can be started."""


def is_secured(environment: Mapping[str, str]) -> bool:
    """Return whether ROS uses SROS 2."""
    return environment.get(ENABLE) == "true"


def check_security(environment: Mapping[str, str], arguments: Sequence[str]) -> None:
    """Raise SecurityError where security is asked for, or enforced, and cannot be had.

    arguments: of the process, which may name its enclave. Certificates and permissions are the middleware's to check.
    """
    asked, strategy = environment.get(ENABLE, ""), environment.get(STRATEGY, "")
    if asked != "true" and asked.lower() not in OFF:
        raise SecurityError(
            f"{ENABLE} is {asked!r}, expected true or false to the letter, as ROS would run unsecured; correct it"
        )
    if not is_secured(environment):
        return
    if strategy not in ("Enforce", "Permissive", ""):
        raise SecurityError(
            f"{STRATEGY} is {strategy!r}, expected Enforce or Permissive to the letter, as ROS would enforce nothing; "
            "correct it"
        )
    if strategy == "Enforce":
        check_enclave(check_keystore(environment.get(KEYSTORE, "")), enclave_of(environment, arguments))


def enclave_of(environment: Mapping[str, str], arguments: Sequence[str]) -> str:
    """Return the enclave of a process with these arguments."""
    named = [
        after
        for before, after in zip(_of_ros(arguments), _of_ros(arguments)[1:], strict=False)
        if before in ("--enclave", "-e")
    ]
    return environment.get(OVERRIDE) or (named[-1] if named else "/")


def _of_ros(arguments: Sequence[str]) -> list[str]:
    """Return the arguments after `--ros-args`, to `--` or the end."""
    words = list(arguments)
    after = words[words.index("--ros-args") + 1 :] if "--ros-args" in words else []
    return after[: after.index("--")] if "--" in after else after


def check_keystore(path: str) -> Path:
    """Return the folder of a keystore's enclaves; raise SecurityError where there is none."""
    if not path:
        raise SecurityError(
            f"{KEYSTORE} is not set, expected the folder of a keystore, as {STRATEGY}=Enforce lets nothing start "
            f"without one; set it ({PAGE})"
        )
    enclaves = Path(path) / "enclaves"
    if not enclaves.is_dir():
        raise SecurityError(
            f"{KEYSTORE} is {path!r}, which has no folder 'enclaves', expected a keystore; correct it, or make one "
            f"({PAGE})"
        )
    return enclaves


def check_enclave(enclaves: Path, name: str) -> None:
    """Raise SecurityError where a keystore has no such enclave, or one of its files is missing or cannot be read."""
    if not name.startswith("/"):
        raise SecurityError(f"the enclave is {name!r}, expected a name such as /talk2dino/goal; begin it with /")
    folder = enclaves / name.strip("/")
    if not folder.is_dir():
        raise SecurityError(
            f"the keystore {str(enclaves.parent)!r} has no enclave {name!r}, expected one of "
            f"{_named(enclaves) or 'some, and it has none'}; name it by --enclave, or make it ({PAGE})"
        )
    missing = [file for file in FILES if not _is_there(folder, file)]
    if missing:
        raise SecurityError(
            f"the enclave {name!r} has no file {', '.join(missing)}, expected the {len(FILES)} files of an enclave in "
            f"{str(folder)!r}; generate it again, or copy all of it ({PAGE})"
        )
    for file in FILES:
        _check_readable(folder / file)


def _is_there(folder: Path, file: str) -> bool:
    return (folder / file).exists() or (folder / file).with_suffix(".p11").exists()


def _check_readable(path: Path) -> None:
    try:
        if path.exists():
            path.read_bytes()
    except OSError as error:
        raise SecurityError(
            f"{str(path)!r} cannot be read ({error.strerror}), expected a file that this user may read; change its "
            "owner, or its rights"
        ) from error


def _named(enclaves: Path) -> str:
    """Return the names of the enclaves, the first ones where they are many."""
    names = sorted(f"/{path.parent.relative_to(enclaves)}" for path in enclaves.rglob("cert.pem"))
    return ", ".join([*names[:MOST_NAMED], *(["…"] if len(names) > MOST_NAMED else [])])
