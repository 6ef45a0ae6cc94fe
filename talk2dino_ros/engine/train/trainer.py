# SPDX-License-Identifier: Apache-2.0
"""Learn the projection of pairs: Adam on the loss of loss.py, from a checkpoint on where there is one.

Each step follows from the one before and the step's number, so a run that was killed and goes on ends with the same
bits as one that ran through (on the same machine, with as many processes and threads).
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from talk2dino_ros.engine.errors import TrainingError
from talk2dino_ros.engine.models.projection import Projection
from talk2dino_ros.engine.text.counted import counted
from talk2dino_ros.engine.train.curves import Note, no_note
from talk2dino_ros.engine.train.distributed import Ranks
from talk2dino_ros.engine.train.loss import best_heads, info_nce
from talk2dino_ros.engine.train.pairs import Pairs
from talk2dino_ros.engine.train.recipe import Recipe
from talk2dino_ros.engine.train.sampler import Sampler
from talk2dino_ros.engine.train.training_checkpoint import (
    Standing,
    StateDict,
    Subject,
    load_standing,
    save_standing,
)
from talk2dino_ros.engine.train.validation import ValidationFigures, validate

SAVE_EVERY_S = 30.0
SAVE_EPOCH_S = 1.0  # at an epoch's end; small data have many of them in a second
LOOK_EVERY = 50  # steps: asking a GPU for the loss waits for it


@dataclass(frozen=True)
class Learned:
    """What a training has come to.

    state: the projection's tensors, on the CPU, of the epoch that the recipe keeps. step: steps done in all.

    history: each validation's figures, see `Figures`, with its epoch.
    """

    state: StateDict
    epoch: int
    step: int
    history: list[dict[str, float]]


class Trainer:
    """One training. subject: what it depends on beside the recipe, as JSON takes it (features' sums).

    note: gets the curves: a name, a value, the step. fresh: begin anew; the first save takes an old checkpoint's place.
    """

    def __init__(
        self,
        recipe: Recipe,
        train: Pairs,
        validation: Pairs | None,
        *,
        checkpoint: Path,
        subject: Subject | None = None,
        ranks: Ranks | None = None,
        note: Note = no_note,
        fresh: bool = False,
    ) -> None:
        if validation is None:
            recipe.check_without_validation()
        if len(train.text) < 2:
            raise TrainingError(
                "there is 1 caption to train on, expected at least 2, to tell one from the other; add some"
            )
        self.recipe = recipe
        self.ranks = ranks or Ranks()
        self._train, self._validation = train, validation
        self._path = checkpoint
        self._subject: Subject = {"recipe": asdict(recipe), **(subject or {})}
        self.note = note
        self._sampler = Sampler(len(train.text), recipe.batch, recipe.seed)
        self.projection = new_projection(recipe, train).to(train.text.device)
        self._network = self.ranks.wrap(self.projection)
        self._adam = torch.optim.Adam(self.projection.parameters(), lr=recipe.learning_rate, eps=recipe.eps)
        self._standing = (None if fresh else load_standing(checkpoint, self._subject)) or Standing()
        self._restore()

    @property
    def step(self) -> int:
        """Steps done."""
        return self._standing.step

    @property
    def epoch(self) -> int:
        """Number of completed epochs."""
        return self.step // self._sampler.steps_per_epoch

    @property
    def is_done(self) -> bool:
        """Whether the last epoch or the end of patience is reached."""
        recipe = self.recipe
        return self.epoch >= recipe.epochs or 0 < recipe.patience <= self._standing.waits

    def run(self) -> Learned:
        """Train to the end, with a checkpoint from time to time and at the end.

        Raises TrainingError where values are no numbers any more, or a checkpoint cannot be written.
        """
        total = self.recipe.epochs * self._sampler.steps_per_epoch
        saved_s = time.monotonic()
        with tqdm(total=total, initial=self.step, unit="step", disable=None if self.ranks.is_first else True) as bar:
            while not self.is_done:
                loss = self.take_step()
                bar.update()
                if self.step % LOOK_EVERY == 0:
                    self.note("loss/train", float(loss), self.step)
                    bar.set_postfix(epoch=self.epoch, loss=f"{float(loss):.4f}", **self._last_recall())
                at_end = self.step % self._sampler.steps_per_epoch == 0
                if at_end:
                    self._end_epoch()
                if self.is_done or self._is_time(at_end, saved_s):
                    self.save()
                    saved_s = time.monotonic()
        return self._learned()

    def _is_time(self, at_end: bool, saved_s: float) -> bool:
        """Whether to save, by the first process's clock: all of them have to come to the same."""
        if not at_end and self.step % LOOK_EVERY:
            return False
        wait_s = SAVE_EPOCH_S if at_end else SAVE_EVERY_S
        return self.ranks.first_alone(lambda: time.monotonic() - saved_s > wait_s)

    def take_step(self) -> Tensor:
        """Learn from one batch; returns the batch's loss before its division."""
        rows = self._sampler.rows(self.step)
        texts, heads = self._train.take(self.ranks.share(rows))
        own = self._network(texts)
        images = self.ranks.gather(best_heads(own, heads), len(rows))
        loss = info_nce(self.ranks.gather(own, len(rows)), images, self.recipe.logit_scale)
        self._adam.zero_grad()
        (self.ranks.count * loss / self.recipe.divisor(len(rows))).backward()
        self._adam.step()
        self._standing.step += 1
        return loss.detach()

    def save(self) -> None:
        """Write a checkpoint, from the first process. Raises TrainingError in all where it cannot be, or is no use."""
        self.ranks.first_alone(self._save)

    def _save(self) -> None:
        if not all(parameter.isfinite().all() for parameter in self.projection.parameters()):
            raise TrainingError(
                f"the projection has values that are no numbers at step {self.step}, expected finite ones; lower "
                "learning_rate and begin anew with --fresh"
            )
        tensors = {f"projection.{key}": tensor for key, tensor in self.projection.state_dict().items()}
        for name, parameter in self.projection.named_parameters():
            tensors |= {f"adam.{key}.{name}": tensor for key, tensor in self._adam.state[parameter].items()}
        best = {key: tensor for key, tensor in self._standing.tensors.items() if key.startswith("best.")}
        self._standing.tensors = {key: tensor.detach().cpu().clone() for key, tensor in {**tensors, **best}.items()}
        save_standing(self._path, self._subject, self._standing)

    def _restore(self) -> None:
        if (first := self.ranks.first_alone(lambda: self.step)) != self.step:
            raise TrainingError(
                f"{self._path} is at step {self.step} here and at {first} for the first process, expected one file for "
                "all; name an --output in a folder that all machines share"
            )
        tensors = self._standing.tensors
        if not tensors:
            return
        self._check_fit()
        self.projection.load_state_dict(_under("projection.", tensors))
        for name, parameter in self.projection.named_parameters():
            state = {key: tensors[f"adam.{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq")}
            # Adam itself keeps its step on the CPU
            self._adam.state[parameter] = {
                key: tensor if key == "step" else tensor.to(parameter.device) for key, tensor in state.items()
            }

    def _check_fit(self) -> None:
        """Raise TrainingError for a checkpoint of other tensors than a save writes, or beyond the recipe's end."""
        kinds = ["projection", "adam.exp_avg", "adam.exp_avg_sq"]
        if self.recipe.keep == "best" and self._standing.best_epoch:
            kinds.append("best")
        parameters = dict(self.projection.named_parameters())
        expected = {f"{kind}.{name}": list(each.shape) for name, each in parameters.items() for kind in kinds}
        expected |= {f"adam.step.{name}": [] for name in parameters}
        found = {name: list(tensor.shape) for name, tensor in self._standing.tensors.items()}
        for name in {**expected, **found}:
            if found.get(name) != expected.get(name):
                raise TrainingError(
                    f"{self._path} does not fit the projection: {name} is {found.get(name, 'missing')}, expected "
                    f"{expected.get(name, 'none')}; begin anew with --fresh"
                )
        if self.step > self.recipe.epochs * self._sampler.steps_per_epoch:
            raise TrainingError(
                f"{self._path} is beyond epoch {self.epoch}, expected at most the "
                f"{counted(self.recipe.epochs, 'epoch')} of the recipe; raise epochs, or begin anew with --fresh"
            )

    def _end_epoch(self) -> None:
        every = self.recipe.validate_every
        if self._validation is None or not every or self.epoch % every:
            return
        pairs = self._validation
        figures: ValidationFigures = self.ranks.first_alone(lambda: validate(self.projection, pairs, self.recipe))
        standing = self._standing
        standing.history.append({"epoch": self.epoch, **asdict(figures)})
        for name, value in asdict(figures).items():
            self.note(f"validation/{name}", value, self.step)
        if standing.best_loss is not None and not figures.loss < standing.best_loss:
            standing.waits += 1
            return
        standing.best_loss, standing.best_epoch, standing.waits = figures.loss, self.epoch, 0
        if self.recipe.keep == "best":
            state = self.projection.state_dict()
            standing.tensors |= {f"best.{key}": tensor.detach().cpu().clone() for key, tensor in state.items()}

    def _learned(self) -> Learned:
        standing = self._standing
        if self.recipe.keep == "best":
            return Learned(_under("best.", standing.tensors), standing.best_epoch, self.step, standing.history)
        state = {key: tensor.detach().cpu().clone() for key, tensor in self.projection.state_dict().items()}
        return Learned(state, self.epoch, self.step, standing.history)

    def _last_recall(self) -> dict[str, str]:
        history = self._standing.history
        return {"recall@1": f"{history[-1]['text_to_image_1']:.3f}"} if history else {}


def new_projection(recipe: Recipe, pairs: Pairs) -> Projection:
    """Make the projection that training starts from, of the seed's values, for these features."""
    text_size, embedding_size = pairs.text.shape[1], pairs.images.shape[2]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return Projection(text_size, recipe.hidden_size or embedding_size, embedding_size)


def _under(prefix: str, tensors: StateDict) -> StateDict:
    return {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}
