# SPDX-License-Identifier: Apache-2.0
"""Compile functions over arrays for the CPU, by numba, on first use; the result is kept in the user's cache folder.

numba takes a kept result for good as long as the function's own file is unchanged, though functions and constants of
other files went into it. So here what is kept is also known by the sum of all those files.
"""

import hashlib
import logging
import pickle
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from numba import config, njit
from numba.core.caching import FunctionCache, IndexDataCacheFile

from talk2dino_ros.engine.files.cache_folder import standard_folder

# contract: multiply-add in one step. numpy: a division by zero gives infinity, for the test that raises an error
# would keep the compiler from turning a loop into vector code.
_SETTINGS = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
logger = logging.getLogger("talk2dino")

_PATTERNS = ("runtime/compiled.py", "runtime/vector_math.py", "inference/decision/*.py", "inference/pamr/*.py")


def sum_of_sources(engine: Path = Path(__file__).parents[1]) -> str:
    """Return the sha256 of the files that compiled functions are made of, names included."""
    digest = hashlib.sha256()
    for file in sorted(path for pattern in _PATTERNS for path in engine.glob(pattern)):
        digest.update(f"{file.relative_to(engine)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


_SUM = sum_of_sources()


class _SealedFiles(IndexDataCacheFile):
    """numba's files, of which the code has its sum before it: a wrong bit of machine code would end the process.

    And with its key: two processes that keep code for other types at once may each take the other's file.
    """

    def save(self, key: Any, data: Any) -> None:
        super().save(key, (key, data))

    def load(self, key: Any) -> Any:
        kept_key, data = super().load(key) or (None, None)
        return data if kept_key == key else None

    def _save_data(self, name: str, data: Any) -> None:
        dumped = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(hashlib.sha256(dumped).digest() + dumped)

    def _load_data(self, name: str) -> Any:
        content = Path(self._data_path(name)).read_bytes()
        if hashlib.sha256(content[32:]).digest() != content[:32]:
            raise ValueError(f"the checksum of {name} differs")
        return pickle.loads(content[32:])

    def forget(self) -> None:
        """Remove the index, so that everything is kept anew."""
        Path(self._index_path).unlink(missing_ok=True)


class _Cache(FunctionCache):
    """numba's cache with the sum of the sources in its keys, which may fail to find or to keep what it should."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = _SealedFiles(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=self._impl.locator.get_source_stamp(),
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what is kept, None where there is nothing, or damaged files."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # pickle raises of any kind
            logger.warning(
                "%s is damaged (%s) and made again; nothing is lost", self.cache_path, str(error) or repr(error)
            )
            with suppress(OSError):
                self._cache_file.forget()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep compiled code where there is room."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _warn_once(f"in {self.cache_path}: {error}")

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(sig, codegen), _SUM)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function when it is called first."""
    return _kept(njit(**_SETTINGS)(function))


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a small one, which becomes part of its callers."""
    return _kept(njit(inline="always", **_SETTINGS)(function))


def reordered(function: Callable[..., Any]) -> Any:
    """Compile one whose sums of floats may be taken in any order, as vector code does: for long dot products."""
    return _kept(njit(**{**_SETTINGS, "fastmath": True})(function))


def _kept(dispatcher: Any) -> Any:
    """Do what numba's `cache=True` does, which takes no cache of one's own, and would write into the package.

    pip does not remove what it has not installed: the folder that is left hides the package of `pip install -e .`.
    Where the user's folder cannot be written, numba itself takes another one, and raises RuntimeError where there is
    none, as in a container whose disk may be read alone.
    """
    asked_for = config.CACHE_DIR  # by NUMBA_CACHE_DIR
    try:
        config.CACHE_DIR = asked_for or _folder()
        dispatcher._cache = _Cache(dispatcher.py_func)
    except RuntimeError:
        _warn_once(f"neither in {asked_for or _folder() or 'a home folder, which the user has not'} nor elsewhere")
    finally:
        config.CACHE_DIR = asked_for
    return dispatcher


@cache
def _warn_once(why: str) -> None:
    logger.warning(
        "code that was compiled for this CPU cannot be kept (%s), so that each start compiles it again, for seconds; "
        "make the folder writable, make room, or set XDG_CACHE_HOME to one that is",
        why,
    )


def _folder() -> str:
    try:
        return str(standard_folder() / "compiled")
    except RuntimeError:  # a user without a home folder
        return ""
