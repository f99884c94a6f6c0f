"""Operations that answer with a stored file: streamed, never whole in memory, resumable by ranges (RFC 9110, 14).

The counterpart of the JSON operations in :mod:`drovi_api.dependencies`: the same credential, permission and
transaction, in which the endpoint decides which file it is; its bytes follow once that has committed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from drovi_api.dependencies import Route, runtime_of
from drovi_api.errors import problem_responses

_PIECE = 256 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}

RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": _BINARY},
    206: {"description": "The bytes that `Range` asked for.", "content": _BINARY},
    **problem_responses(404, 416),
}
"""What every such operation answers with."""


class StoredFile(BaseModel):
    """A file of the object store, under the name that it is saved as."""

    scope: str
    digest: str
    name: str


class FileRoute(Route):
    """An operation whose endpoint returns a :class:`StoredFile`."""

    def __init__(self, path: str, endpoint: Callable[..., StoredFile], **kwargs: Any) -> None:
        super().__init__(path, endpoint, **{**kwargs, "response_class": Response})

    def shape_of(self, _endpoint: Callable[..., BaseModel]) -> type[BaseModel] | None:
        """Bytes have none."""
        return None

    def respond(self, request: Request, answer: StoredFile) -> Response:
        """The file, or the part of it that was asked for.

        Raises:
            NotFound: it is not stored any more.
        """
        objects = runtime_of(request).objects
        size = objects.size(answer.scope, answer.digest)
        tag = f'"{answer.digest}"'
        first, last = 0, size - 1
        wanted = None if request.headers.get("if-range", tag) != tag else _wanted(request, size)
        headers = {
            "accept-ranges": "bytes",
            "etag": tag,
            "content-disposition": f'attachment; filename="{answer.name}"',
        }
        if wanted is not None:
            first, last = wanted
            headers["content-range"] = f"bytes {first}-{last}/{size}"
        headers["content-length"] = str(last - first + 1)
        stream = objects.open(answer.scope, answer.digest)
        return StreamingResponse(
            _pieces(stream, first, last + 1),
            200 if wanted is None else 206,
            headers=headers,
            media_type="application/octet-stream",
        )


def file_routes(router: APIRouter) -> APIRouter:
    """A router like ``router``, for operations that answer with files."""
    return APIRouter(
        prefix=router.prefix, tags=router.tags, route_class=FileRoute, responses=router.responses
    )


def _wanted(request: Request, size: int) -> tuple[int, int] | None:
    """First and last byte of the one range asked for; None for the whole: no range, several, or none that we know."""
    match = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if match is None or not any(match.groups()):
        return None
    start, end = match.groups()
    first = int(start) if start else max(0, size - int(end))
    last = min(int(end), size - 1) if start and end else size - 1
    if start and end and int(end) < first:
        return None  # not a range at all: RFC 9110 has it ignored
    if first >= size or (not start and not int(end)):
        raise HTTPException(416, "The file has no such bytes", headers={"content-range": f"bytes */{size}"})
    return first, last


def _pieces(stream: BinaryIO, first: int, end: int) -> Iterator[bytes]:
    """Bytes of a stream. What stands before is read and let go: the store verifies what passes, from the beginning on."""
    with stream:
        at = 0
        while at < end and (piece := stream.read(min(_PIECE, end - at if at >= first else first - at))):
            if at >= first:
                yield piece
            at += len(piece)
