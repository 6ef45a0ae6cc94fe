# SPDX-License-Identifier: Apache-2.0
"""Neighbourhood and iterations of PAMR: Talk2DINO's settings of Araslanov & Roth's method."""

DILATIONS = (1, 2, 4, 8, 12, 24)
ITERATIONS = 10
DIRECTIONS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
OFFSETS = tuple((d * y, d * x) for d in DILATIONS for y, x in DIRECTIONS)
NEIGHBOURS = len(OFFSETS)
REACH = max(DILATIONS)
# The deviation is that of the six 3x3 stencils' samples, in which the centre counts six times.
SAMPLES = NEIGHBOURS + len(DILATIONS)
SHARPNESS = 0.1  # distances are measured in so many standard deviations
TINY = 1e-8
