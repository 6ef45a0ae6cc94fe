# SPDX-License-Identifier: Apache-2.0
"""Messages from and to arrays and results."""
