# SPDX-License-Identifier: Apache-2.0
"""Assign class ids of the mask: stable per name, with a quarantine before an id is given to another name.

A costmap keeps the ids of past masks for seconds. Would an id that was `person` be given to `floor` at once,
the person it has seen would become floor. So a name keeps its id for as long as it is active,
and the id of a dropped name stays in quarantine until every consumer has forgotten it.
"""

from collections.abc import Mapping, Sequence

from talk2dino_ros.engine.errors import VocabularyError
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.engine.vocabulary import UNLABELED_ID

IDS = range(255)
FIRST_FRESH_ID = 1  # stacks that take 0 for "unlabeled" are common; 0 is given only where the caller fixes it


class ClassIds:
    """Assign ids to names; `assign` proposes and changes nothing, `commit` makes a proposal active.

    `now_s` is any clock in seconds, ROS time included: where it jumps back (a bag that loops), the quarantine
    only counts the time that passed forwards, so no id is released early and none is held for ever.
    """

    def __init__(self, quarantine_s: float, unlabeled_id: int = UNLABELED_ID) -> None:
        """Start with no active name; `unlabeled_id` is the mask's value for "no class" and never given out."""
        self._quarantine_s = quarantine_s
        self._unlabeled_id = unlabeled_id
        self._active: dict[str, int] = {}
        self._dropped: dict[int, tuple[str, float]] = {}  # id -> its last name and when that was dropped
        self._last_now_s: float | None = None
        self._elapsed_s = 0.0

    def set_rules(self, quarantine_s: float, unlabeled_id: int) -> None:
        """Change unlabeled id and quarantine, for present names and ids too."""
        self._quarantine_s, self._unlabeled_id = quarantine_s, unlabeled_id

    def meanings(self) -> tuple[dict[str, int], dict[int, tuple[str, float]]]:
        """Return the active names with their ids, and the dropped ids with their last name and age in seconds."""
        ages = {each: (name, self._elapsed_s - then_s) for each, (name, then_s) in self._dropped.items()}
        return dict(self._active), ages

    def restore(self, active: Mapping[str, int], dropped: Mapping[int, tuple[str, float]]) -> None:
        """Replace the whole state by what `meanings` returned."""
        self._active = dict(active)
        self._dropped = {each: (name, self._elapsed_s - age_s) for each, (name, age_s) in dropped.items()}

    def assign(self, names: Sequence[str | None], fixed: Sequence[int | None] | None, now_s: float) -> tuple[int, ...]:
        """Return one id per name: `fixed` ones as they are, else the name's own, else the lowest free one.

        A name of None is a distractor: it gets 255, whatever `fixed` says. Names are unique (`parse_classes`). A fixed
        id of None is none.
        Raises VocabularyError where a fixed id is no id, stands twice or still means another name,
        and where no id is free. Changes nothing but the clock.
        """
        self._advance(now_s)
        if fixed is not None and len(fixed) > 0:
            return self._checked(names, self._completed(names, fixed))
        return self._own_or_fresh(names)

    def _completed(self, names: Sequence[str | None], fixed: Sequence[int | None]) -> list[int]:
        """Fill in what is not fixed."""
        check_one_each(fixed, names)
        open_names = [name if class_id is None else None for name, class_id in zip(names, fixed, strict=False)]
        taken = [class_id for class_id in fixed if class_id is not None]
        others = self._own_or_fresh(open_names, taken)
        return [each if own is None else own for own, each in zip(fixed, others, strict=False)]

    def commit(self, names: Sequence[str | None], ids: Sequence[int], now_s: float) -> None:
        """Put `ids`, as `assign` returned them for `names`, into use; the quarantine of dropped names starts now.

        Raises VocabularyError, and changes nothing, where another commit took one of the ids in the meantime.
        """
        self._advance(now_s)
        ids = self._checked(names, ids)
        for name, class_id in self._active.items():
            self._dropped[class_id] = (name, self._elapsed_s)
        self._active = {name: class_id for name, class_id in zip(names, ids, strict=True) if name is not None}
        for class_id in self._active.values():
            self._dropped.pop(class_id, None)

    def _advance(self, now_s: float) -> None:
        if self._last_now_s is not None:
            self._elapsed_s += max(0.0, now_s - self._last_now_s)
        self._last_now_s = now_s

    def _own_or_fresh(self, names: Sequence[str | None], fixed: Sequence[int] = ()) -> tuple[int, ...]:
        own = {name: class_id for name in names if name is not None and (class_id := self._own(name)) is not None}
        taken = {*own.values(), *fixed}
        fresh = (class_id for class_id in IDS[FIRST_FRESH_ID:] if class_id not in taken and self._is_free(class_id))
        ids = []
        for name in names:
            class_id = UNLABELED_ID if name is None else own[name] if name in own else next(fresh, None)
            if class_id is None:
                raise self._exhausted(name)
            ids.append(class_id)
        return tuple(ids)

    def _own(self, name: str) -> int | None:
        """Return the id that the name has or last had; after the quarantine too, unless it was reassigned."""
        drops = [(dropped_s, class_id) for class_id, (old, dropped_s) in self._dropped.items() if old == name]
        own = self._active[name] if name in self._active else max(drops)[1] if drops else None
        return None if own == self._unlabeled_id else own  # which it has become since

    def _is_free(self, class_id: int) -> bool:
        return class_id != self._unlabeled_id and self._meaning(class_id) is None

    def _meaning(self, class_id: int) -> str | None:
        """Return the name that a consumer of past masks may still take this id for."""
        if self._quarantine_s <= 0:
            return None
        for name, its_id in self._active.items():
            if its_id == class_id:
                return name
        last_name, dropped_s = self._dropped.get(class_id, (None, 0.0))
        return last_name if self._elapsed_s - dropped_s < self._quarantine_s else None

    def _checked(self, names: Sequence[str | None], ids: Sequence[int]) -> tuple[int, ...]:
        check_one_each(ids, names)
        seen: dict[int, str] = {}
        for name, class_id in zip(names, ids, strict=True):
            if name is not None:
                self._check_one(name, class_id, seen)
                seen[class_id] = name
        return tuple(UNLABELED_ID if name is None else int(class_id) for name, class_id in zip(names, ids, strict=True))

    def _check_one(self, name: str, class_id: int, seen: Mapping[int, str]) -> None:
        if class_id not in IDS or class_id == self._unlabeled_id:
            raise VocabularyError(
                f"The id {class_id} of '{name}' is not one that a mask can carry; give one from {IDS[0]} to {IDS[-1]}, "
                f"and not {self._unlabeled_id}, which means unlabeled."
            )
        if class_id in seen:
            raise VocabularyError(
                f"The id {class_id} was given to '{seen[class_id]}' and to '{name}'; give each class its own."
            )
        meaning = self._meaning(class_id)
        if meaning not in (None, name):
            raise VocabularyError(
                f"The id {class_id} of '{name}' still means '{meaning}' to programs that keep past masks; choose "
                f"another, or drop '{meaning}' and ask again {self._quarantine_s:g} s later (id_quarantine_s)."
            )

    def _exhausted(self, name: str | None) -> VocabularyError:
        still_mean = sum(self._meaning(class_id) is not None for class_id in IDS)
        return VocabularyError(
            f"No id is free for '{name}': {still_mean} of {len(IDS)} are active or were dropped less than"
            f" {self._quarantine_s:g} s ago (id_quarantine_s); ask for fewer new names, or ask again later."
        )


def check_one_each(ids: Sequence[object], classes: Sequence[object]) -> None:
    """Raise VocabularyError where there is not one fixed id for each class."""
    if len(ids) != len(classes):
        raise VocabularyError(
            f"{counted(len(ids), 'fixed id')} came with {counted(len(classes), 'class', 'classes')}; give one id per "
            "class, or none at all."
        )
