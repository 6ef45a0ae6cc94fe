# SPDX-License-Identifier: Apache-2.0
"""Sample the captions of a step. They follow from the seed and the step's number alone, so a run goes on exactly."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor


class Sampler:
    """Every caption once an epoch, in an order of the epoch's own.

    count: captions. batch: captions of a step; the last step of an epoch has what is left, as in the authors' run.
    """

    def __init__(self, count: int, batch: int, seed: int) -> None:
        self.count = count
        self.batch = batch
        self.seed = seed
        self.steps_per_epoch = -(-count // batch)
        self._order = lru_cache(maxsize=1)(self._shuffled)

    def rows(self, step: int) -> Tensor:
        """Return the captions' numbers, int64 [b], of a step counted from 0 over all epochs."""
        epoch, place = divmod(step, self.steps_per_epoch)
        return self._order(epoch)[place * self.batch : (place + 1) * self.batch]

    def _shuffled(self, epoch: int) -> Tensor:
        return torch.from_numpy(np.random.default_rng([self.seed, epoch]).permutation(self.count))
