"""Problem documents (RFC 9457): the one shape of every answer that is not a success.

Every member of the error tree, a request that does not validate, an unknown route and an unforeseen
exception all come out alike: ``application/problem+json`` with a stable ``code``, the request id, the
endpoint, and what the caller can do. Details of our own faults go to the log, never into the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import TimeoutError as PoolExhausted
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from drovi_api.context import request_id_of, route_of
from resources.errors import DroviError, NotConfigured, ProviderDown, Transient
from resources.telemetry import get_logger

_log = get_logger(__name__)

MEDIA_TYPE = "application/problem+json"

ProblemCode = Literal[
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "NOT_FOUND",
    "CONFLICT",
    "VALIDATION_ERROR",
    "RATE_LIMITED",
    "NOT_CONFIGURED",
    "SERVER_ERROR",
]

_CODES: Mapping[int, ProblemCode] = {
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    409: "CONFLICT",
    429: "RATE_LIMITED",
}
_REMEDIES: Mapping[int, str] = {
    404: "Check the address; /docs lists every operation.",
    405: "Use one of the methods in the Allow header.",
    413: "Send less at once.",
    416: "Ask for bytes that the file has; Content-Range says how many those are.",
}
_OUR_FAULT = "Try again; if it stays, report the request id to your administrator."


class FieldError(BaseModel):
    """One thing that is wrong with a request."""

    location: str = Field(description="Where: `body.name`, `query.limit`, `path.connection_id`.")
    message: str = Field(description="What is wrong, without the value that was sent: it may be a secret.")


class Problem(BaseModel):
    """A problem document (RFC 9457) with Drovi's members."""

    type: str = Field(description="A stable name of the kind of problem.", examples=["urn:drovi:NOT_FOUND"])
    title: str = Field(description="The HTTP status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What happened, in one sentence.")
    code: ProblemCode = Field(description="The stable code a client switches on.")
    remedy: str = Field(description="What the caller can do about it; empty where nothing helps.")
    endpoint: str = Field(
        description="Method and route.", examples=["GET /api/v1/connections/{connection_id}"]
    )
    request_id: str = Field(description="The id under which the server logged the request.")
    errors: list[FieldError] = Field(default=[], description="What is wrong, field by field.")


_DESCRIPTIONS: Mapping[int, str] = {
    400: "The body cannot be read: it is not JSON, or not in UTF-8.",
    401: "No valid API key was sent.",
    403: "The caller's role does not allow it.",
    404: "There is no such thing, or the caller may not know of it.",
    409: "The state of the resource, or of its configuration, does not allow it.",
    413: "The body is too large.",
    416: "The file has no such bytes.",
    422: "The request does not validate.",
    429: "Too much at once; `Retry-After` says how many seconds to wait.",
    500: "A fault of the server.",
    503: "A dependency does not answer; `Retry-After` says how many seconds to wait.",
}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of the problems an operation answers with."""
    return {
        status: {
            "description": _DESCRIPTIONS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def endpoint_of(scope: Scope) -> str:
    """Method and route template: ids would make two answers differ that must not; the path where no route fits."""
    return f"{scope['method']} {route_of(scope) or scope['path']}"


def problem_response(
    scope: Scope,
    *,
    status: int,
    code: str,
    detail: str,
    remedy: str = "",
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer itself."""
    problem = Problem.model_validate(
        {
            "type": f"urn:drovi:{code}",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "code": code,
            "remedy": remedy,
            "endpoint": endpoint_of(scope),
            "request_id": request_id_of(scope),
            "errors": errors,
        }
    )
    return Response(problem.model_dump_json(), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def response_to(scope: Scope, error: Exception) -> Response:
    """The answer to any exception that left an endpoint."""
    match error:
        case DroviError():
            return _of_ours(scope, error)
        case RequestValidationError():
            return problem_response(
                scope,
                status=422,
                code="VALIDATION_ERROR",
                detail="The request does not validate.",
                remedy="Correct what is listed under errors.",
                errors=field_errors(error.errors()),
            )
        case HTTPException():
            return problem_response(
                scope,
                status=error.status_code,
                code=_CODES.get(
                    error.status_code, "VALIDATION_ERROR" if error.status_code < 500 else "SERVER_ERROR"
                ),
                detail=f"{error.detail}.".replace("..", "."),
                remedy=_REMEDIES.get(error.status_code, ""),
                headers=error.headers,
            )
        case PoolExhausted():
            return _of_ours(
                scope, ProviderDown("The database is busy.", remedy="Try again in a moment.", retry_after=1)
            )
        case _:
            return _of_a_defect(scope, error)


def field_errors(errors: Sequence[Any], prefix: str = "") -> list[FieldError]:
    """Pydantic's errors without the input they quote."""
    return [
        FieldError(location=prefix + ".".join(map(str, fault["loc"])), message=fault["msg"])
        for fault in errors
    ]


def install(app: FastAPI) -> None:
    """Make the application answer every exception with a problem document."""

    def answer(request: Request, error: Exception) -> Response:
        return response_to(request.scope, error)

    for kind in (DroviError, RequestValidationError, HTTPException, PoolExhausted):
        app.add_exception_handler(kind, answer)


def _of_ours(scope: Scope, error: DroviError) -> Response:
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _of_a_defect(scope, error)
    headers = {}
    if isinstance(error, Transient) and error.retry_after is not None:
        headers["retry-after"] = str(max(1, round(error.retry_after)))
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or isinstance(error, NotConfigured):
        _log.warning("request refused", error=type(error).__name__, detail=str(error))
    return problem_response(
        scope,
        status=error.status,
        code=error.code,
        detail=error.message,
        remedy=error.remedy,
        headers=headers,
    )


def _of_a_defect(scope: Scope, error: Exception) -> Response:
    _log.error("request failed", endpoint=endpoint_of(scope), exc_info=error)
    return problem_response(
        scope,
        status=500,
        code="SERVER_ERROR",
        detail="Something went wrong on the server.",
        remedy=_OUR_FAULT,
    )
