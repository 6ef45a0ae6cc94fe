# SPDX-License-Identifier: Apache-2.0
"""The server of the page: files of `static/`, one websocket per browser, and requests that change something.

Nothing of a request becomes a path or a command: files and cameras are looked up by name among those that are there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from importlib.resources import files
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from talk2dino_ros.engine.errors import Talk2DinoError
from talk2dino_ros.engine.text.class_entries import parse_class
from talk2dino_ros.web.access import Access, AccessGuard
from talk2dino_ros.web.page_words import changed_words
from talk2dino_ros.web.snapshot_file import zipped
from talk2dino_ros.web.viewers import Viewers
from talk2dino_ros.web.web_source import ConflictError, ForbiddenError, PageSource, WebError

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
INDEX = "index.html"
STATUS = {ConflictError: 409, ForbiddenError: 403}


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class WordsRequest(_Request):
    """The words that a page shows and how they are to change. expected_version: that of those, as text."""

    classes: list[str]
    typed: str = ""
    removed: str = ""
    thresholds: dict[str, float | None] = {}
    expected_version: Annotated[str, Field(pattern=r"^\d{1,20}$")]


class GoRequest(_Request):
    """An object to send the robot to, after the person has said so twice. object_id: 0 for the nearest of the class."""

    class_name: Annotated[str, Field(min_length=1, max_length=200)]
    object_id: Annotated[int, Field(ge=0, lt=2**32)]
    is_confirmed: Literal[True]


class FindRequest(_Request):
    """A word to ask the memory for."""

    word: Annotated[str, Field(min_length=1, max_length=2000)]


def make_app(source: PageSource, access: Access, *, max_rate_hz: float = 10.0) -> ASGIApp:
    """Return the server of one source as an ASGI application, with its guard. max_rate_hz: of each browser's images."""
    app = FastAPI(openapi_url=None)
    viewers = Viewers(source, max_rate_hz, access.read_only)
    app.add_exception_handler(Talk2DinoError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_refused)
    for name, (content, media_type) in _static_files().items():
        path = "/" if name == INDEX else f"/{name}"
        app.add_api_route(path, _giving(content, media_type), methods=["GET"])
    app.add_api_websocket_route("/live", viewers.serve)
    _add_requests(app, source, access)
    return AccessGuard(app, access)


def _add_requests(app: FastAPI, source: PageSource, access: Access) -> None:
    """Add what a page may ask for; functions without `async` may wait: each has one of 40 threads meanwhile."""

    @app.post("/words")
    def set_words(request: WordsRequest) -> dict[str, Any]:
        _check_may_change(access)
        classes = changed_words(request.classes, request.typed, request.removed, request.thresholds)
        reply = source.set_words(classes, int(request.expected_version))
        shown = [asdict(each) for each in reply.classes]
        return {"version": str(reply.version), "message": reply.message, "classes": shown}

    @app.post("/go")
    def go(request: GoRequest) -> dict[str, str]:
        _check_may_change(access)
        source.go_to(request.class_name, request.object_id)
        return {"message": f"the robot is sent to {request.class_name}"}

    @app.post("/stop")
    async def stop() -> dict[str, str]:  # which waits for no thread, whatever all others wait for
        _check_may_change(access)
        source.stop_going()
        return {"message": "the robot is told to stop"}

    @app.post("/find")
    def find(request: FindRequest) -> dict[str, Any]:
        parse_class(request.word)
        message, places = source.find(request.word)
        return {"message": message, "places": [asdict(place) for place in places]}

    @app.get("/snapshot")
    def snapshot(camera: Annotated[str, Query(max_length=200)]) -> Response:
        headers = {"Content-Disposition": 'attachment; filename="snapshot.zip"'}
        return Response(zipped(source.snapshot(camera)), media_type="application/zip", headers=headers)


def _giving(content: bytes, media_type: str) -> Callable[[], Response]:
    def give() -> Response:
        return Response(content, media_type=media_type)

    return give


def _check_may_change(access: Access) -> None:
    if access.read_only:
        raise ForbiddenError(
            "this page is read-only, expected one that may change something; start it without read_only"
        )


def _static_files() -> dict[str, tuple[bytes, str]]:
    """Read the page's files, by name: content and media type."""
    folder = files("talk2dino_ros.web") / "static"
    found = {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}
    return {name: (content, MEDIA_TYPES[f".{name.rpartition('.')[2]}"]) for name, content in found.items()}


def _on_error(_request: Request, error: Exception) -> Response:
    return JSONResponse(
        {"message": str(error)}, next((STATUS[kind] for kind in STATUS if isinstance(error, kind)), 400)
    )


def _on_refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = f"the request is not one that this page sends ({error.detail}), expected one; reload the page"
    return JSONResponse({"message": sentence}, error.status_code)


def _on_invalid(_request: Request, error: Exception) -> Response:
    """Say the first that is wrong with a request; never what was sent, which may be anything."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part)[:40] for part in first["loc"])
    sentence = f"the request is not one that this page sends ({place}: {first['msg']}), expected one; reload the page"
    return _on_error(_request, WebError(sentence))
