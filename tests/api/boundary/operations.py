"""The OpenAPI document as the boundary's tests read it: each operation, who opens it, and where it takes values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

METHODS = frozenset({"get", "post", "put", "patch", "delete"})


class Opens(Enum):
    """What a caller shows."""

    MEMBER = "a key or a session, of an organisation"
    PERSON = "a session"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of a request where a value goes: a parameter, or a field of the body by its path."""

    place: str
    name: str

    def __str__(self) -> str:
        return f"{self.place}.{self.name}"


@dataclass(frozen=True, slots=True)
class Operation:
    """``ids`` are the slots that name something, ``words`` those of the body that take free text."""

    id: str
    method: str
    path: str
    opens: Opens
    ids: tuple[Slot, ...]
    words: tuple[Slot, ...]
    headers: frozenset[str]
    paginated: bool
    streams: bool
    """Whether it answers with events, for as long as somebody listens."""


@dataclass(frozen=True, slots=True)
class Fill:
    """The values of one request."""

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def put(self, slot: Slot, value: str) -> Fill:
        """The same request with another value in one place."""
        if slot.place == "path":
            return replace(self, path={**self.path, slot.name: value})
        if slot.place == "query":
            return replace(self, query={**self.query, slot.name: value})
        return replace(self, body=_put(self.body, slot.name.split("."), value))

    def url(self, operation: Operation) -> str:
        """The path with its parameters filled in."""
        url = operation.path
        for name, value in self.path.items():
            url = url.replace(f"{{{name}}}", value)
        return url


def _put(body: Any, steps: list[str], value: str) -> Any:
    first, rest = steps[0], steps[1:]
    if first == "[]":
        return [_put({}, rest, value) if rest else value]
    inner = (body or {}).get(first)
    return {**(body or {}), first: _put(inner, rest, value) if rest else value}


def operations_of(document: Mapping[str, Any]) -> dict[str, Operation]:
    """Every operation of the document, by id."""
    return {
        operation["operationId"]: _operation(document, method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }


def _operation(
    document: Mapping[str, Any], method: str, path: str, described: Mapping[str, Any]
) -> Operation:
    parameters = described.get("parameters", ())
    ids = [
        Slot(one["in"], one["name"])
        for one in parameters
        # What stands in a path names something, whatever its format.
        if one["in"] == "path" or (one["in"] == "query" and _is_id(document, one["schema"]))
    ]
    bodies = described.get("requestBody", {}).get("content", {}).values()
    fields = [found for body in bodies for found in _fields(document, body.get("schema", {}))]
    return Operation(
        id=described["operationId"],
        method=method.upper(),
        path=path,
        opens=_opens(described),
        ids=(*ids, *(Slot("body", name) for name, schema in fields if _is_id(document, schema))),
        words=tuple(Slot("body", name) for name, schema in fields if _is_text(document, schema)),
        headers=frozenset(one["name"].lower() for one in parameters if one["in"] == "header"),
        paginated=any(one["name"] == "cursor" for one in parameters),
        streams=any("text/event-stream" in one.get("content", {}) for one in described["responses"].values()),
    )


def _opens(described: Mapping[str, Any]) -> Opens:
    schemes = {name for one in described.get("security", ()) for name in one}
    if "ApiKey" in schemes:
        return Opens.MEMBER
    return Opens.PERSON if schemes else Opens.NOTHING


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The schema, or each of those it leaves a choice between, with references followed."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _resolved(document, document["components"]["schemas"][name])
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    return [one for choice in choices for one in _resolved(document, choice)] or [schema]


def _is_id(document: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    return any(one.get("format") == "uuid" for one in _resolved(document, schema))


def _is_text(document: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    return any(
        one.get("type") == "string" and one.get("format") is None and not {"enum", "const"} & one.keys()
        for one in _resolved(document, schema)
    )


def _fields(
    document: Mapping[str, Any], schema: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every field of a body, objects and lists opened, by its dotted path; ``[]`` stands for a list's items."""
    for one in _resolved(document, schema):
        if one.get("type") == "array":
            yield from _fields(document, one.get("items", {}), f"{prefix}[].")
        elif one.get("properties"):
            for name, inner in one["properties"].items():
                yield from _fields(document, inner, f"{prefix}{name}.")
        elif prefix:
            yield prefix.removesuffix("."), one
