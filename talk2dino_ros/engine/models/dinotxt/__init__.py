# SPDX-License-Identifier: Apache-2.0
"""dino.txt (arXiv 2412.16334): a frozen DINO ViT-L with a head of its own, and a text tower trained for the two.

Talk2DINO maps CLIP's words into a backbone's space; here both sides were trained to meet, and nothing is projected.
"""
