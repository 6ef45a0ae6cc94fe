# SPDX-License-Identifier: Apache-2.0
"""The page's server on a port: in this thread until it is ended, or in one of its own."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading

import uvicorn
import websockets  # noqa: F401, which uvicorn would miss only when it serves
from starlette.types import ASGIApp

from talk2dino_ros.web.access import Access
from talk2dino_ros.web.viewers import LARGEST_MESSAGE
from talk2dino_ros.web.web_source import WebError

END_S = 3.0  # in which open requests may end
_LOG = logging.getLogger("uvicorn.error")  # where uvicorn tells of everything


class WebServer:
    """The server of an application; listens as soon as it is made. Raises WebError where it cannot."""

    def __init__(self, app: ASGIApp, access: Access, port: int) -> None:
        self._socket = _listen(access.host, port)
        self.port: int = self._socket.getsockname()[1]
        self.address = _address(access, self.port)
        config = uvicorn.Config(
            app,
            ws="websockets-sansio",
            ws_max_size=LARGEST_MESSAGE,
            ws_per_message_deflate=False,  # a JPEG gets no smaller, and each browser would have it tried anew
            lifespan="off",
            log_config=None,  # every request in the log helps nobody, and the first has the token
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.run, name="web server", daemon=True)

    def run(self) -> None:
        """Serve until `stop`, in the main thread also until Ctrl-C."""
        _LOG.addFilter(self._is_news)
        try:
            self._server.run([self._socket])
        finally:
            _LOG.removeFilter(self._is_news)
            self._socket.close()

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the server and its thread."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(END_S)

    def _is_news(self, line: logging.LogRecord) -> bool:
        """Tell whether a line is for the log: at its end the server cancels what waits, and calls that errors."""
        error = line.exc_info[1] if line.exc_info else None
        return not self._server.should_exit or not isinstance(error, asyncio.CancelledError | None)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise WebError(
            f"the page cannot listen on {host} port {port} ({error}), expected a free port of an address of this "
            "machine; name another host or port"
        ) from error


def _address(access: Access, port: int) -> str:
    """Return the address to open in a browser, with the token where one is needed."""
    host = access.host
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"?token={access.token}" if access.token else "")
