# SPDX-License-Identifier: Apache-2.0
"""Pictures of a run of `talk2dino evaluate`: IoU by class, and the best, median and worst images."""
