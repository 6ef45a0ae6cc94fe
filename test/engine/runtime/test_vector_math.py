# SPDX-License-Identifier: Apache-2.0
"""Against NumPy's double precision, over everything that float32 holds between the limits."""

import numpy as np
import pytest
from numba import njit

from talk2dino_ros.engine.runtime import vector_math


@njit
def exp2_of(values, result):
    for i in range(len(values)):
        result[i] = vector_math.exp2(values[i])


@njit
def logit_of(values, result):
    for i in range(len(values)):
        result[i] = vector_math.logit(values[i])


def test_exp2_is_exact_to_the_last_bits():
    values = np.linspace(-126, 127, 200_001).astype(np.float32)
    result = np.empty_like(values)
    exp2_of(values, result)
    np.testing.assert_allclose(result, np.exp2(values.astype(np.float64)), rtol=3e-7)


@pytest.mark.parametrize(("value", "counts_as"), [(-1000.0, -126), (-np.inf, -126), (1000.0, 127), (0.0, 0)])
def test_exp2_is_clamped_at_its_limits(value, counts_as):
    result = np.empty(1, np.float32)
    exp2_of(np.array([value], np.float32), result)
    np.testing.assert_allclose(result[0], 2.0**counts_as, rtol=3e-7)


def test_logit_of_the_sigmoid_of_a_cosine_is_the_cosine():
    cosines = np.linspace(-1, 1, 200_001)
    result = np.empty(len(cosines), np.float32)
    logit_of((1 / (1 + np.exp(-cosines))).astype(np.float32), result)
    np.testing.assert_allclose(result, cosines, atol=4e-7)


@pytest.mark.parametrize(("score", "cosine"), [(0.0, -1.0), (0.1, -1.0), (0.9, 1.0), (1.0, 1.0)])
def test_logits_are_clamped_to_those_of_cosines(score, cosine):
    result = np.empty(1, np.float32)
    logit_of(np.array([score], np.float32), result)
    np.testing.assert_allclose(result[0], cosine, atol=1e-6)
