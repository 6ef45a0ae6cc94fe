# SPDX-License-Identifier: Apache-2.0
"""The image encoder on a CPU by OpenVINO: converted once for a size of image, kept on disk."""
