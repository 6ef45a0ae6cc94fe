# SPDX-License-Identifier: Apache-2.0
"""Words as users type them, and the features of prompts."""
