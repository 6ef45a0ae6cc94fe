# SPDX-License-Identifier: Apache-2.0
"""How much speaks for a word: the logarithm of its odds beside the strongest that speaks against it.

The same number decides on what is remembered and on what is seen.
"""

MIN_EVIDENCE = 0.7  # odds of two to one: from here on something is there, unless another number is set
