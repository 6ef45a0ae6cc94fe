# SPDX-License-Identifier: Apache-2.0
"""SROS 2: what is wrong with its settings, its keystore and its permissions, in a sentence."""
