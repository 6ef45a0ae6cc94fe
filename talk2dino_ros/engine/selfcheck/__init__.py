# SPDX-License-Identifier: Apache-2.0
"""The fast path held to plain fp32 PyTorch, stage by stage, once on each device: read self_check.py first."""
