# SPDX-License-Identifier: Apache-2.0
"""Language models at the robot: an MCP server whose tools are the client's (docs/agents.md)."""
