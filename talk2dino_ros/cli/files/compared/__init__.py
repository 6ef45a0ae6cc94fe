# SPDX-License-Identifier: Apache-2.0
"""`talk2dino compare`: two folders of results over the same images."""
