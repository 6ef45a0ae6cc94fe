# SPDX-License-Identifier: Apache-2.0
"""Draw what a memory has found: from above, and as it was seen."""
