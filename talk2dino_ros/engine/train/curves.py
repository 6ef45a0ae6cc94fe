# SPDX-License-Identifier: Apache-2.0
"""The curves of a training, for TensorBoard, a package that training does without."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from talk2dino_ros.engine.errors import TrainingError

Note = Callable[[str, float, int], None]


def no_note(name: str, value: float, step: int) -> None:
    """Take a curve's point, and leave it."""


@contextmanager
def open_curves(folder: Path | None, step: int) -> Iterator[Note]:
    """Give what takes a curve's name, value and step, and writes them into a folder; None: nowhere.

    step: that training goes on from: what a run that was killed wrote beyond it is not shown any more.
    Raises TrainingError where TensorBoard's package is missing.
    """
    if folder is None:
        yield no_note
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise TrainingError(
            f"--tensorboard {folder} needs a package that is missing here ({error}), expected it installed; run "
            "`pip install tensorboard` or leave the option out"
        ) from error
    writer = SummaryWriter(str(folder), purge_step=step + 1)
    try:
        yield writer.add_scalar
    finally:
        writer.close()
