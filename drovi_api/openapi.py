"""The OpenAPI document, with what FastAPI cannot know: the problem schema and how a caller identifies itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from drovi_api.authentication import SECURITY_SCHEMES
from drovi_api.errors import Problem, problem_responses

TAGS = [
    {"name": "health", "description": "For whoever watches the service."},
    {
        "name": "auth",
        "description": "Signing up, in and out; the caller, their sessions, passwords and second factor.",
    },
    {"name": "organisation", "description": "The organisation one works in, and what it allows."},
    {"name": "members", "description": "Who is in it, as what, and who is invited."},
    {"name": "keys", "description": "One's own API keys."},
    {"name": "audit", "description": "Who did what."},
    {"name": "connections", "description": "Links to sources, and their syncs."},
    {"name": "items", "description": "What was read from sources."},
    {"name": "documents", "description": "Parsed files, block by block."},
    {"name": "find", "description": "Search."},
    {"name": "ask", "description": "Questions answered with citations, or refused."},
    {"name": "objects", "description": "Commitments, decisions, risks, claims and advice, with evidence."},
    {
        "name": "reports",
        "description": "How much is new, falls due or is overdue, and being told of it by mail.",
    },
    {"name": "evidence", "description": "The exact words and their place."},
    {"name": "jobs", "description": "Background work."},
    {"name": "webhooks", "description": "What other systems push to sources, and what they are told of."},
    {"name": "erasures", "description": "Erasing a source, a person or the organisation, with receipts."},
    {"name": "holds", "description": "Legal holds: what must be kept."},
    {"name": "exports", "description": "Everything one may read, as files."},
]

_REFERENCE = "#/components/schemas/{model}"


def install(
    app: FastAPI,
    tags: Sequence[Mapping[str, Any]] = TAGS,
    security: Mapping[str, Any] = SECURITY_SCHEMES,
) -> None:
    """Make the application describe itself completely; the document is made once, when first asked for."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, tags, security)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _document(app: FastAPI, tags: Sequence[Mapping[str, Any]], security: Mapping[str, Any]) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=[dict(tag) for tag in tags],
        servers=app.servers or None,
    )
    for operation in (one for methods in document["paths"].values() for one in methods.values()):
        for response in operation["responses"].values():
            # FastAPI calls the text a string beside the shape of its events' data.
            response.get("content", {}).get("text/event-stream", {}).get("schema", {}).pop("type", None)
        if "requestBody" in operation:  # what happens before the body is looked at
            for status, response in problem_responses(400, 413).items():
                operation["responses"].setdefault(str(status), response)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template=_REFERENCE)
    schemas |= problem.pop("$defs") | {"Problem": problem}
    # Our answers to invalid requests are problems; these describe FastAPI's own.
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = dict(security)
    return document
