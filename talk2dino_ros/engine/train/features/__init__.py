# SPDX-License-Identifier: Apache-2.0
"""Features of captioned images, extracted once and kept on disk for training."""
