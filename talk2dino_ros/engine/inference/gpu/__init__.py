# SPDX-License-Identifier: Apache-2.0
"""The way of images on a GPU: one upload, kernels of fixed shapes that wait for nothing, one download, one wait.

What image by image is in scoring.py is here for a batch [B, C, h, w]: gpu_path.py has the order, frame_program.py what
is computed, gpu_words.py a vocabulary in memory that stays where it is. Nothing here needs a GPU but the lane that it
is given (runtime/gpu_lane.py).
"""
