# SPDX-License-Identifier: Apache-2.0
"""The image encoder as an ONNX file, and onnxruntime in place of torch."""
