# SPDX-License-Identifier: Apache-2.0
"""Names for the results of several files in one folder, so that none goes over another's."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path


def result_names(sources: Sequence[Path], is_free: Callable[[str], bool] = lambda name: True) -> list[str]:
    """Return a name for each source: its stem; where several have that, its name, then with its folder's, or numbered.

    All are different, also where upper and lower case are one. is_free: whether results may have a name.
    """
    stems = Counter(path.stem.casefold() for path in sources)
    names = Counter(path.name.casefold() for path in sources)
    taken: set[str] = set()
    chosen = []
    for path in sources:
        candidates = _candidates(path, stems[path.stem.casefold()] == 1, names[path.name.casefold()] == 1)
        name = next(each for each in candidates if each.casefold() not in taken and is_free(each))
        taken.add(name.casefold())
        chosen.append(name)
    return chosen


def _candidates(path: Path, own_stem: bool, own_name: bool) -> Iterator[str]:
    if own_stem:
        yield path.stem
    if own_name:
        yield path.name
    full = f"{path.absolute().parent.name}_{path.name}"
    yield full
    yield from (f"{full}_{number}" for number in count(2))
