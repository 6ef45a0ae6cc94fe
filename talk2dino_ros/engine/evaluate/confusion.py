# SPDX-License-Identifier: Apache-2.0
"""Confusion matrix over a data set, with IoU and accuracy as mmseg defines them.

mmseg 0.30 (the authors' evaluation) sums intersections and unions over all images first and divides last, leaves
pixels of the ignore label out, and leaves classes that neither label nor prediction has out of the means.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IGNORED = -1  # a pixel's true class where the label says that it is ignored

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Figures:
    """IoU and accuracy of a confusion matrix, 0..1; nan where no pixel counts.

    iou, accuracy: float64 [C], by class. mean_*: over the classes that are no nan. pixel_accuracy: of all pixels.
    """

    iou: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]
    mean_iou: float
    mean_accuracy: float
    pixel_accuracy: float


@dataclass
class Confusion:
    """counts: pixels by true class (rows) and predicted class (columns, the last one `no class`), int64 [C, C + 1]."""

    counts: Counts

    @classmethod
    def empty(cls, classes: int) -> "Confusion":
        """Return a matrix of zeros."""
        return cls(np.zeros((classes, classes + 1), np.int64))

    def add(self, truth: npt.NDArray[np.int16], predicted: npt.NDArray[np.int64]) -> "Confusion":
        """Count one image, both [H, W]; returns its own counts.

        truth: classes 0..C-1, or IGNORED. predicted: 0..C-1, or C for no class, which is never right.
        """
        classes, columns = self.counts.shape
        is_scored = truth != IGNORED
        cells = truth[is_scored].astype(np.int64) * columns + predicted[is_scored]
        counts = np.bincount(cells, minlength=classes * columns).reshape(classes, columns)
        self.counts += counts
        return Confusion(counts)

    def figures(self) -> Figures:
        """Return IoU = intersection / (label + prediction - intersection), and accuracy = intersection / label."""
        intersection = np.diagonal(self.counts)
        label, prediction = self.counts.sum(axis=1), self.counts[:, :-1].sum(axis=0)
        iou, accuracy = _share(intersection, label + prediction - intersection), _share(intersection, label)
        pixels = _share(intersection.sum(keepdims=True), label.sum(keepdims=True))
        return Figures(iou, accuracy, _mean(iou), _mean(accuracy), float(pixels[0]))


def _share(part: Counts, whole: Counts) -> npt.NDArray[np.float64]:
    shares = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def _mean(values: npt.NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
