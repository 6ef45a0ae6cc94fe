# SPDX-License-Identifier: Apache-2.0
"""Training of the mapping from text features to patch features: `talk2dino train`.

captions/ reads pairs, extract.py runs the frozen networks once and keeps what they see in a store (store.py),
trainer.py learns the projection from it, anchors.py solves `mini`'s from words alone.
"""
