"""A private source with a word of its own in everything it has, and every operation asked in ways that provoke it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2 as httpx
from sqlalchemy import insert, text, update

from drovi_api.app import describe
from drovi_assets.retrieval.cite import span_id
from resources import schema
from tests.api.conftest import Caller
from tests.api.seed import Seeded, seed_content
from tests.api.visibility.conftest import Firm

CANARY = "quokka"
"""Stands in every planted word and nowhere else in the repository's tests or answers."""

SHOWN_TO_ITS_OWNER = frozenset(
    [
        "name",
        "config",
        "detail",
        "path",
        "title",
        "quote",
        "slots",
        "payload",
        "author",
        "warning",
        "metadata",
        "arguments",
        "progress",
        "problem",
    ]
)
"""Places whose word the API shows to the source's owner: so that finding none elsewhere means something."""

_SAFE = {"get", "head"}
_ENDLESS = "text/event-stream"


def word(place: str) -> str:
    """The word that is planted in a place."""
    return f"{CANARY}{place}"


@dataclass(frozen=True, slots=True)
class Planted:
    """What was planted: the ids somebody might guess, and the words they might try."""

    seeded: Seeded
    ids: tuple[str, ...]
    words: tuple[str, ...]


def plant(firm: Firm) -> Planted:
    """Fill the owner's private source."""
    connection_id = firm.private.connection_id
    seeded = seed_content(
        firm.database,
        firm.owner.tenant,
        connection_id,
        f"{word('path')}/{word('file')}.pdf",
        title=f"Agreement {word('title')}",
        quote=f"The seller shall deliver {word('quote')} by 30 June 2026",
    )
    with firm.database.worker.organisation(firm.org_id) as session:
        for table, where, values in (
            (
                schema.source_item,
                "id IN (SELECT source_item_id FROM record WHERE id = :item)",
                {"payload": f'{{"a":"{word("payload")}"}}'},
            ),
            (schema.record, "id = :item", {"metadata": {"a": word("metadata")}}),
            (schema.document, "id = :document", {"author": word("author"), "warnings": [word("warning")]}),
            (schema.intelligence_object, "id = :object", {"slots": {"who": word("slots")}}),
            (
                schema.connection,
                "id = :connection",
                {
                    "name": word("name"),
                    "config": {"path": word("config")},
                    "status": "needs_person",
                    "status_detail": word("detail"),
                },
            ),
        ):
            names = {
                "item": seeded.item_id,
                "document": seeded.document_id,
                "object": seeded.object_id,
                "connection": connection_id,
            }
            session.execute(update(table).where(text(where)).values(values), names)
        audience_id = session.execute(
            text("SELECT audience_id FROM connection WHERE id = :id"), {"id": connection_id}
        ).scalar_one()
        session.execute(
            insert(schema.skipped_item).values(
                org_id=firm.org_id,
                audience_id=audience_id,
                connection_id=connection_id,
                stream="files",
                provider_id=word("skipped"),
                reason=word("reason"),
            )
        )
        job_id = session.execute(
            insert(schema.job)
            .values(
                org_id=firm.org_id,
                connection_id=connection_id,
                kind="sync",
                idempotency_key=word("key"),
                status="failed",
                arguments={"a": word("arguments")},
                progress={"a": word("progress")},
                error_code="NOT_CONFIGURED",
                error_message=word("problem"),
            )
            .returning(schema.job.c.id)
        ).scalar_one()
    ids = (*(getattr(seeded, name) for name in Seeded.__slots__), job_id, span_id(seeded.chunk_id, 0, 20))
    words = tuple(word(place) for place in ("name", "title", "path", "quote"))
    return Planted(seeded, tuple(map(str, ids)), words)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of one operation, and what it was answered."""

    operation_id: str
    response: httpx.Response

    @property
    def told(self) -> str:
        """Everything that the answer says, headers too."""
        return f"{self.response.headers} {self.response.text}".lower()


def walk(caller: Caller, planted: Planted, *, hints: bool, safe_only: bool = False) -> Iterator[Asked]:
    """Every operation of the OpenAPI document with every planted id; with ``hints``, with the planted words too.

    What reads comes before what changes. Streams have a test of their own.
    """
    document = describe()
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if _ENDLESS not in operation["responses"].get("200", {}).get("content", {})
    ]
    for method, path, operation in sorted(operations, key=lambda one: one[0] not in _SAFE):
        reading = method in _SAFE or operation["operationId"] in {"find", "ask"}
        if safe_only and not reading:
            continue
        for query, body, url in _requests(document, path, operation, planted, hints=hints):
            yield Asked(operation["operationId"], caller(method.upper(), url, params=query, json=body))


def _requests(
    document: dict[str, Any], path: str, operation: dict[str, Any], planted: Planted, *, hints: bool
) -> Iterator[tuple[dict[str, Any], Any, str]]:
    words = planted.words if hints else ("audited accounts",)
    parameters = operation.get("parameters", [])
    named = [one["name"] for one in parameters if one["in"] == "path"]
    urls = [
        path.format(**dict(zip(named, values, strict=True)))
        for values in itertools.product(planted.ids, repeat=len(named))
    ]
    schema_of_body = (
        operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    )
    queries: list[dict[str, Any]] = [{}]
    for parameter in (one for one in parameters if one["in"] == "query"):
        queries += [{parameter["name"]: value} for value in _values(parameter["schema"], planted, words)]
    for url in urls:
        for query in queries:
            if schema_of_body is None:
                yield query, None, url
            else:
                yield from ((query, _filled(document, schema_of_body, one, planted), url) for one in words)


def _values(parameter: dict[str, Any], planted: Planted, words: tuple[str, ...]) -> list[Any]:
    for option in (parameter, *parameter.get("anyOf", ())):
        if option.get("format") == "uuid":
            return list(planted.ids[:-1])
        if option.get("type") == "integer":
            return [1, 200]
        if option.get("type") == "string" and "enum" not in option:
            return list(words)
    return []


def _filled(document: dict[str, Any], shape: dict[str, Any], a_word: str, planted: Planted) -> Any:
    """A body of this shape: words where text goes, a planted id where an id does."""
    if reference := shape.get("$ref"):
        shape = document["components"]["schemas"][reference.rpartition("/")[2]]
    if options := shape.get("anyOf"):
        return _filled(document, options[0], a_word, planted)
    if "enum" in shape or "const" in shape:
        return shape.get("const", shape.get("enum", [None])[0])
    match shape.get("type"):
        case "object":
            required = shape.get("required", [])
            wanted = {"path", "name", *required}
            return {
                name: _filled(document, one, a_word, planted)
                for name, one in shape.get("properties", {}).items()
                if name in wanted
            }
        case "array":
            return []
        case "integer" | "number":
            return 10
        case "boolean":
            return False
        case _:
            return str(planted.ids[0] if shape.get("format") == "uuid" else a_word)


def stranger_ids() -> tuple[str, ...]:
    """As many ids that nothing has."""
    return tuple(str(uuid4()) for _ in range(6))
