# SPDX-License-Identifier: Apache-2.0
"""Whether images can arrive, and the remedy if not."""
