# SPDX-License-Identifier: Apache-2.0
"""Who may use the page: Host, Origin, token, the size of what is sent, and the headers that bind the browser.

An ASGI middleware around the whole server, websockets too. Host and Origin stand against other pages in the same
browser (cross-site requests, DNS rebinding), the token against other machines; no page can read its cookie.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from talk2dino_ros.web.web_source import ForbiddenError, TooLargeError, WebError

LARGEST_BODY = 4_000_000  # bytes: more than the million characters that a vocabulary may have
MOST_DRAINED = 64_000_000  # bytes that are read and thrown away, so that a browser hears the answer
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the first address has the token
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def is_loopback(host: str) -> bool:
    """Whether what listens on this address is heard on this machine alone."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


@dataclass(frozen=True)
class Access:
    """Who may use the page. token: "" where none is needed, as on this machine alone."""

    host: str = "127.0.0.1"
    token: str = ""
    read_only: bool = False
    names: frozenset[str] = field(default_factory=frozenset)  # of this machine

    @classmethod
    def of(cls, host: str, *, read_only: bool = False) -> Access:
        """Return the access for an address to listen on: beyond this machine with a new token."""
        token = "" if is_loopback(host) else secrets.token_urlsafe(24)
        own = {socket.gethostname().lower(), socket.getfqdn().lower(), host.lower()}
        return cls(host, token, read_only, frozenset(own | {f"{socket.gethostname().lower()}.local"}))

    def refusal(self, scope: Scope) -> ForbiddenError | None:
        """Return why a request is refused, or None."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if not self._is_own(host):
            return ForbiddenError(
                f"the page was asked for as {host[:100]!r}, expected an address or a name of this machine; another "
                "page may have tried to reach it"
            )
        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        origin = headers.get(b"origin", "")
        if changes and origin.lower() not in (f"http://{host}".lower(), f"https://{host}".lower()):
            return ForbiddenError(
                f"the request came from {origin[:100]!r}, expected this page's own {host!r}; reload the page"
            )
        if not self._has_token(scope, headers.get(b"cookie", "")):
            return ForbiddenError(
                "no token was given, or an old one; open the address that was printed at the start, which ends in "
                "?token=…"
            )
        return None

    @property
    def cookie(self) -> str:
        """The header that lets a browser keep the token where no page can read it."""
        return f"{_COOKIE}={self.token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000"

    def _is_own(self, host: str) -> bool:
        """Whether a Host header names this machine: a page of others has a name of theirs (DNS rebinding)."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:  # brackets that close nothing
            return False
        if is_loopback(self.host):
            return is_loopback(name)
        return _is_address(name) or name == "localhost" or name in self.names

    def _has_token(self, scope: Scope, cookie: str) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0] or _kept_token(cookie)
        return not self.token or hmac.compare_digest(given.encode(), self.token.encode())


_COOKIE = "talk2dino_token"


def _kept_token(cookie: str) -> str:
    """Return our cookie's value, whatever cookies other servers of this machine have set."""
    parts = (part.strip().partition("=") for part in cookie.split(";"))
    return next((value for name, _, value in parts if name == _COOKIE), "")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


class AccessGuard:
    """ASGI middleware: refuses what may not be, reads bodies up to a size, and adds the headers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or a websocket for as long as it lasts."""
        if scope["type"] == "websocket":
            if self._access.refusal(scope):
                await send({"type": "websocket.close", "code": 1008})
            else:
                await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, self._with_headers(send))
        else:  # the server's own start and end
            await self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if refusal := self._access.refusal(scope):
            return await answer_error(send, refusal)
        try:
            body = await _whole_body(receive) if scope["method"] == "POST" else b""
        except TooLargeError as error:
            return await answer_error(send, error)
        return await self._app(scope, _again(body, receive), send)

    def _with_headers(self, send: Send) -> Send:
        added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        if self._access.token:
            added.append((b"Set-Cookie", self._access.cookie.encode()))

        async def sending(message: Message) -> None:
            # the cookie goes to who has the token already, as all others are refused
            if message["type"] == "http.response.start":
                may_have = message["status"] != 403
                message["headers"] = [*message["headers"], *(added if may_have else added[: len(HEADERS)])]
            await send(message)

        return sending


async def _whole_body(receive: Receive) -> bytes:
    """Read a body. Raises TooLargeError for one that is too large, when its sender can hear it."""
    kept: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        kept = [*kept, message.get("body", b"")] if size <= LARGEST_BODY else []
        more = message.get("more_body", False) and size < MOST_DRAINED
    if size > LARGEST_BODY:
        raise TooLargeError(
            f"the request has {size / 1e6:.1f} MB, expected at most {LARGEST_BODY / 1e6:.0f} MB; send fewer words"
        )
    return b"".join(kept)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read already once more."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> Message:
        return pending.pop() if pending else await receive()

    return receiving


STATUS: Iterable[tuple[type[WebError], int]] = ((ForbiddenError, 403), (TooLargeError, 413))


async def answer_error(send: Send, error: WebError) -> None:
    """Answer with an error's sentence."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 400)
    body = json.dumps({"message": str(error)}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
