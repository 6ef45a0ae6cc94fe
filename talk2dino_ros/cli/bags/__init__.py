# SPDX-License-Identifier: Apache-2.0
"""Commands over bags, and what they have in common."""
