# SPDX-License-Identifier: Apache-2.0
"""exp2 and logit of float32 that a compiler can vectorise, unlike the C library's calls.

To be called inside loops of compiled functions.
"""

import numpy as np

from talk2dino_ros.engine.runtime.compiled import inlined

_F = np.float32
LOG2_E = _F(1.4426950408889634)  # exp(x) = exp2(LOG2_E * x)
_LOWEST, _HIGHEST = _F(-126.0), _F(127.0)  # beyond them 2 to the power of x leaves the normal float32
_TANH_HALF = _F(0.46211715726)  # 2 score - 1 for a score of sigmoid(1)


@inlined
def exp2(x: np.float32) -> np.float32:
    """Return 2 to the power of x, within 3e-7 of itself; what is below -126 or above 127 counts as these.

    The power of the fraction is a polynomial (fitted in Chebyshev's basis), to whose exponent the rest is added.
    """
    x = min(max(x, _LOWEST), _HIGHEST)
    whole = np.rint(x)
    x = x - whole
    power = _F(0.0013400432653725147)
    power = power * x + _F(0.009676037356257439)
    power = power * x + _F(0.05550327152013779)
    power = power * x + _F(0.2402210682630539)
    power = power * x + _F(0.6931471824645996)
    power = power * x + _F(1.0000001192092896)
    return np.int32(_F(power).view(np.int32) + (np.int32(whole) << np.int32(23))).view(np.float32)


@inlined
def logit(score: np.float32) -> np.float32:
    """Log of score / (1 - score), within 3e-7; the score is the sigmoid of a cosine: what is beyond counts as +-1.

    2 atanh(2 score - 1), as an odd polynomial of least error between the limits (fitted in Chebyshev's basis).
    """
    x = min(max(score * _F(2) - _F(1), -_TANH_HALF), _TANH_HALF)
    square = x * x
    result = _F(0.3578762710094452)
    result = result * square + _F(0.25761160254478455)
    result = result * square + _F(0.40225735306739807)
    result = result * square + _F(0.6666044592857361)
    result = result * square + _F(2.000000238418579)
    return result * x
