# SPDX-License-Identifier: Apache-2.0
"""Download one file: resumed where it broke off, checked, and under its name only when it is whole."""

import http.client
import os
import re
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from filelock import FileLock
from tqdm import tqdm

from talk2dino_ros.engine.errors import WeightsError
from talk2dino_ros.engine.files.checksums import KnownSum

ATTEMPTS = 4  # requests in a row that may bring nothing
TIMEOUT_S = 30.0  # without a byte
NOT_KNOWN = KnownSum()
_CHUNK = 1 << 18
_PAGE_HEAD = 512  # bytes, in which a page says that it is one


def download(url: str, target: Path, known: KnownSum = NOT_KNOWN) -> Path:
    """Bring `url` to `target`, with a progress bar; return `target`. A file that is there is left alone.

    A broken transfer goes on where it stopped: within this call, and from an earlier call's `.part` file
    where there is a sum to check the whole by. Two processes that want the same file wait for each other.
    Raises WeightsError, naming file, address and folder, when it cannot be had or has another sum.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(target.name + ".lock")):
            if not target.exists():
                _download_locked(url, target, known)
    except (OSError, http.client.HTTPException) as error:
        raise WeightsError(
            f"{target.name} could not be downloaded from {url} ({error or type(error).__name__}); "
            f"get it on a machine with a network and put it into {target.parent}"
        ) from error
    return target


def _download_locked(url: str, target: Path, known: KnownSum) -> None:
    part = target.with_name(target.name + ".part")
    if not known.digits:
        part.unlink(missing_ok=True)
    _fetch_all(url, part)
    found = known.found_in(part)
    if not known.fits(found):
        part.unlink()  # the next call would go on from wrong bytes
        raise WeightsError(
            f"{target.name} from {url} has the {known.kind} {found}, expected {known.digits}; try again, "
            f"and if it stays so, get the file elsewhere and put it into {target.parent}"
        )
    os.replace(part, target)


def _fetch_all(url: str, part: Path) -> None:
    """Ask for what is missing until nothing is."""
    fruitless = 0
    while True:
        before = _size(part)
        try:
            if _fetch_rest(url, part):
                return
            failure: Exception = ConnectionError("the connection broke off")
        except HTTPError:
            raise  # the server's answer, which another try would not change
        except (OSError, http.client.HTTPException) as error:
            failure = error
        fruitless = 0 if _size(part) > before else fruitless + 1
        if fruitless == ATTEMPTS:
            raise failure


def _fetch_rest(url: str, part: Path) -> bool:
    """Append to `part` what it lacks; return whether it is whole then."""
    start = _size(part)
    request = Request(url, headers={"Range": f"bytes={start}-", "User-Agent": "talk2dino"})
    try:
        response = urlopen(request, timeout=TIMEOUT_S)
    except HTTPError as error:
        if error.code != 416 or not start:  # 416: nothing lies behind `start`
            raise
        return True
    with response:
        _refuse_page(response, url, part)
        start, total = _span(response)
        with part.open("r+b" if start else "wb") as file, _progress(part, start, total) as bar:
            file.seek(start)
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
            return total is None or file.tell() == total


def _refuse_page(response: http.client.HTTPResponse, url: str, part: Path) -> None:
    """Raise WeightsError for a page in a file's place, as a hotel's network answers, before it is written."""
    start = response.peek(_PAGE_HEAD).lstrip()[:_PAGE_HEAD].lower()
    if response.headers.get_content_type() == "text/html" or start.startswith((b"<!doctype html", b"<html")):
        raise WeightsError(
            f"{url} answered with a web page, expected {part.stem}; log in to this network if it asks for that, or get "
            f"the file on another machine and put it into {part.parent}"
        )


def _span(response: http.client.HTTPResponse) -> tuple[int, int | None]:
    """Return where the answer's first byte belongs, and the size of the whole file or None."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    if response.status == 206 and match:
        return int(match[1]), int(match[2])
    length = response.headers.get("Content-Length")  # the server sends the whole, from the start
    return 0, int(length) if length else None


def _progress(part: Path, start: int, total: int | None) -> "tqdm[None]":
    return tqdm(desc=part.stem, initial=start, total=total, unit="B", unit_scale=True, unit_divisor=1000)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
