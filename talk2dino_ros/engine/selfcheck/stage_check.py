# SPDX-License-Identifier: Apache-2.0
"""The result of the self-check: per stage, and as a whole, with its form as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

STAGES = ("encoder", "scores", "pamr", "decision", "image")  # image: all of it, as a frame goes
NAMES = {
    "encoder": "image encoder",
    "scores": "scores",
    "pamr": "PAMR",
    "decision": "decision",
    "image": "whole image",
}


@dataclass(frozen=True)
class StageCheck:
    """One stage. is_equal: None where it could not be compared; said: what was compared, or why not.

    fast_s, plain_s: seconds of one call each, the fast one's after a first call. first_s: seconds of that first call,
    which compiles or converts, where nothing of the fast one had run before.
    """

    stage: str
    is_equal: bool | None
    said: str
    fast_s: float = 0.0
    plain_s: float = 0.0
    first_s: float = 0.0

    @property
    def name(self) -> str:
        """The stage's name for a person."""
        return NAMES[self.stage]


@dataclass(frozen=True)
class SelfCheck:
    """All stages of one device. key: what they were checked on and with. is_new: checked now, not read from the cache.

    seconds: that it took when it was checked, without the stages' first calls, for which the first image would wait as
    long. note: what a person should know beside it, such as an unusable cache.
    """

    key: Mapping[str, str]
    stages: tuple[StageCheck, ...]
    seconds: float = 0.0
    is_new: bool = True
    note: str = ""

    @property
    def differing(self) -> tuple[StageCheck, ...]:
        """The stages whose fast path does not compute what the plain one does."""
        return tuple(each for each in self.stages if each.is_equal is False)

    @property
    def unchecked(self) -> tuple[StageCheck, ...]:
        """The stages that could not be compared."""
        return tuple(each for each in self.stages if each.is_equal is None)

    @property
    def line(self) -> str:
        """One sentence for diagnostics and logs."""
        if self.differing:
            return f"{_list(self.differing)}; computed by plain PyTorch instead, which is slower"
        if len(self.unchecked) == len(self.stages):
            return f"not checked: {self.unchecked[0].said}"
        checked = "the fast path computes what plain fp32 PyTorch does"
        return f"{checked}, but for {_list(self.unchecked)}" if self.unchecked else checked

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {"key": dict(self.key), "seconds": self.seconds, "stages": [asdict(each) for each in self.stages]}

    @staticmethod
    def from_json(data: Any) -> SelfCheck:
        """Read what `to_json` returned, as from the cache; raise ValueError, KeyError or TypeError for others."""
        stages = tuple(StageCheck(**each) for each in data["stages"])
        if [each.stage for each in stages] != list(STAGES) or any(
            each.is_equal not in (True, False, None) for each in stages
        ):
            raise ValueError("its stages are others")
        return SelfCheck(dict(data["key"]), stages, float(data["seconds"]), is_new=False)


def _list(stages: tuple[StageCheck, ...]) -> str:
    return "; ".join(f"{each.name}: {each.said}" for each in stages)
