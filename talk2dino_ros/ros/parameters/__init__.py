# SPDX-License-Identifier: Apache-2.0
"""Parameters: declaration, parameter files, and checks."""
