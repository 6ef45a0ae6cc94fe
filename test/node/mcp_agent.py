# SPDX-License-Identifier: Apache-2.0
"""A language model's client of the MCP server, by the SDK over stdio."""

import os
import sys
from concurrent.futures import Future

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import ElicitResult
from node_process import DEADLINE_S, REPOSITORY

LONGEST_CALL_S = 2 * DEADLINE_S  # longer than a go_to is waited for


def mcp_command(namespace: str) -> list[str]:
    """The server's command line, for nodes in a namespace."""
    return [sys.executable, "-m", "talk2dino_ros.cli.main", "mcp", "--namespace", namespace]


class Agent:
    """A language model's client: calls tools. says: what its person answers; asked: what the person was asked."""

    def __init__(self, portal, namespace, *arguments, has_person=True, errlog):
        self.says, self.asked, self._portal = True, [], portal
        command, *rest = [*mcp_command(namespace), *arguments]
        server = StdioServerParameters(command=command, args=rest, env=dict(os.environ), cwd=str(REPOSITORY))
        answer = {"elicitation_callback": self._answer} if has_person else {}
        self.client = Client(stdio_client(server, errlog=errlog), read_timeout_seconds=LONGEST_CALL_S, **answer)

    def call(self, tool, **arguments):
        return self._portal.call(self.client.call_tool, tool, arguments)

    def begin(self, tool, **arguments) -> Future:
        """Call a tool without waiting for it; the call is cancelled with its future."""
        return self._portal.start_task_soon(self.client.call_tool, tool, arguments)

    def told(self, tool, **arguments):
        """The structured answer of a tool that succeeds."""
        result = self.call(tool, **arguments)
        assert not result.is_error, result.content
        return result.structured_content

    def refusal(self, tool, **arguments):
        result = self.call(tool, **arguments)
        assert result.is_error, result.content
        return result.content[0].text

    async def _answer(self, _context, params):
        self.asked.append(params.message)
        return ElicitResult(action="accept", content={"yes": self.says})
