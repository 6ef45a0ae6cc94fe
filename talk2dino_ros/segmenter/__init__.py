# SPDX-License-Identifier: Apache-2.0
"""The node `talk2dino`: camera images in, masks and places out."""
