"""The APIs as Markdown, made from their OpenAPI documents: ``python -m drovi_api.reference`` prints the users'.

``docs/reference/api.md`` and ``admin-api.md`` are this output; a test fails when they differ from it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from drovi_api.admin import app as administration
from drovi_api.app import describe

Json = Mapping[str, Any]

_PREAMBLE = """\
# API

Every request under `/api/v1` shows an API key: `Authorization: Bearer drovi_…`. A key opens one organisation, and in it
what its owner may read; what belongs to others does not exist (404).

Every answer carries `X-Request-ID`; send one of your own to find it in the logs. Whatever is not a success is a problem
document (`application/problem+json`, RFC 9457): see [Problem](#problem). Lists are pages: pass `next_cursor` as `cursor`
until it is null.

The running service describes itself at `/openapi.json`, and to people at `/docs`."""


_ADMIN_PREAMBLE = """\
# Administration API

Every request under `/admin/api` shows the cookie of an administrator's session, and one that changes something also that
session's CSRF token as `X-CSRF-Token`. Users' sessions and API keys open nothing here, nor an administrator's anything
elsewhere. How it is meant to be used: [administration](../guides/administration.md).

Every operation but `GET /admin/api/auth/session` leaves an entry in the platform's audit log, and in those of the
organisations that it concerns. Problems, request ids and pages are those of the [API](api.md)."""


def render_reference() -> str:
    """The users' API; the same for every installation of one version."""
    return _rendered(_PREAMBLE, describe())


def render_admin_reference() -> str:
    """The administration's API."""
    return _rendered(_ADMIN_PREAMBLE, administration.describe())


def _rendered(preamble: str, document: Json) -> str:
    lines = [preamble]
    for tag in document["tags"]:
        lines += ["", f"## Operations: {tag['name']}", "", tag["description"]]
        for method, path, operation in _operations(document, tag["name"]):
            lines += _operation(method, path, operation)
    lines += ["", "## Shapes"]
    for name, schema in document["components"]["schemas"].items():
        lines += _shape(name, schema)
    return "\n".join(lines) + "\n"


def _operations(document: Json, tag: str) -> Iterator[tuple[str, str, Json]]:
    root = document["servers"][0]["url"] if "servers" in document else ""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield method.upper(), root + path, operation


def _operation(method: str, path: str, operation: Json) -> list[str]:
    lines = ["", f"### {operation['summary']}", "", f"`{method} {path}`", "", operation["description"]]
    if parameters := operation.get("parameters"):
        lines += ["", "| parameter | in | type | what it is |", "|---|---|---|---|"]
        lines += [
            f"| `{one['name']}`{'' if one['required'] else ' (optional)'} | {one['in']} "
            f"| {_type(one['schema'])} | {one.get('description', '')} |"
            for one in parameters
        ]
    if body := operation.get("requestBody"):
        lines += ["", f"Body: {_type(body['content']['application/json']['schema'])}"]
    lines += ["", "| status | answer |", "|---|---|"]
    return lines + [
        f"| {status} | {_answer(response)} |" for status, response in sorted(operation["responses"].items())
    ]


def _answer(response: Json) -> str:
    types = [_type(content["schema"]) for content in response.get("content", {}).values() if content]
    described = "" if response["description"] == "Successful Response" else response["description"]
    return " — ".join(filter(None, [", ".join(types), described])) or "text"


def _shape(name: str, schema: Json) -> list[str]:
    lines = ["", f"### {_named(name)}", "", schema.get("description", "")]
    if "enum" in schema:
        return [*lines, "", f"{_type(schema)}."]
    lines += ["", "| field | type | what it is |", "|---|---|---|"]
    required = schema.get("required", [])
    return lines + [
        f"| `{field}`{'' if field in required else ' (optional)'} | {_type(one)} | {one.get('description', '')} |"
        for field, one in schema["properties"].items()
    ]


def _type(schema: Json) -> str:
    """A JSON schema in a few words, with a link where it has a shape of its own."""
    if reference := schema.get("$ref"):
        name = _named(reference.rpartition("/")[2])
        return f"[{name}](#{name.lower().replace(' ', '-')})"
    if options := schema.get("anyOf"):
        return " or ".join(_type(option) for option in options)
    if values := schema.get("enum"):
        return " or ".join(f"`{value}`" for value in values)
    if schema.get("type") == "array":
        items = schema.get("prefixItems")
        return f"list of {len(items)} numbers" if items else f"list of {_type(schema['items'])}"
    return " ".join(filter(None, [schema.get("type", "any"), _format(schema)]))


def _format(schema: Json) -> str:
    bounds = [
        f"{symbol} {schema[keyword]}"
        for keyword, symbol in (("minimum", "≥"), ("maximum", "≤"), ("maxLength", "length ≤"))
        if keyword in schema
    ]
    stated = [schema["format"]] if "format" in schema else []
    return f"({', '.join(stated + bounds)})" if stated or bounds else ""


def _named(component: str) -> str:
    """A page of a shape is named by FastAPI with underscores."""
    inner = component.removeprefix("Page_").removesuffix("_")
    return f"Page of {inner}" if inner != component else component


if __name__ == "__main__":
    sys.stdout.write(render_reference())
