# SPDX-License-Identifier: Apache-2.0
"""`talk2dino calibrate`: which pictures have what, and what its thresholds promise."""
