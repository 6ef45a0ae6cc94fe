# SPDX-License-Identifier: Apache-2.0
"""The nodes from Python: read talk2dino_client.py first."""
