# SPDX-License-Identifier: Apache-2.0
"""Commands that serve until they are ended."""
