# SPDX-License-Identifier: Apache-2.0
"""What the node keeps of its inputs, to write it to a bag that `talk2dino replay` repeats."""
