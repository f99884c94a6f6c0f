"""Leaks planted on purpose: each is a mistake that somebody could make, and the harness must catch every one.

Some spoil the database (a policy, a function), some the application (a setting, an endpoint that looks past the
rules through a definer function of its own). ``caught_by`` names the check of the harness that has to see it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from starlette.responses import Response, StreamingResponse

from drovi_api import streams
from drovi_api.dependencies import Reads, Writes, WriteSession, feature, requires
from drovi_api.files import StoredFile
from drovi_api.tenancy.exports import service as exports
from resources import database
from resources.audit import Action
from resources.errors import Conflict, Forbidden, NotFound
from resources.permissions import Permission
from tests.api.boundary.makers import Kind, Maker
from tests.api.boundary.operations import Fill
from tests.api.boundary.sides import Ground, Side

_OWN_COUNTS = "s.org_id = v_org AND s.audience_id = ANY (v_audiences)"


@dataclass(frozen=True, slots=True)
class Leak:
    """One mistake: how to make it, and what has to notice."""

    name: str
    caught_by: str
    plant: Callable[[Ground, pytest.MonkeyPatch], None]
    makers: Mapping[str, Maker] = field(default_factory=dict)


class Answer(BaseModel):
    """Whatever a planted endpoint says."""

    model_config = ConfigDict(extra="allow")


class Named(BaseModel):
    """A request with a name in it."""

    name: str


def _rows(session: Any, function: str, **values: Any) -> list[Any]:
    arguments = ", ".join(f":{name}" for name in values)
    return list(session.connection.execute(text(f"SELECT * FROM {function}({arguments})"), values))


def _past_the_rules(signature: str, body: str) -> str:
    """A definer function of the superuser's, which no policy holds back; whoever is connected may call it."""
    return f"CREATE FUNCTION {signature} LANGUAGE sql STABLE SECURITY DEFINER AS $$ {body} $$"


def _router(ground: Ground) -> APIRouter:
    router = feature("/planted", "find")
    ground.app.openapi_schema = None
    return router


def _serve(ground: Ground, router: APIRouter) -> None:
    ground.app.router.routes[:0] = list(router.routes)


# In the database ---------------------------------------------------------------------------------------


def _open_policy(*tables: str) -> Callable[[Ground, pytest.MonkeyPatch], None]:
    """The organisation is forgotten in the application role's policies."""

    def plant(ground: Ground, _: pytest.MonkeyPatch) -> None:
        for table in tables:
            ground.execute(f"ALTER POLICY {table}_app ON {table} USING (true) WITH CHECK (true)")

    return plant


def _shared_weights(ground: Ground, _: pytest.MonkeyPatch) -> None:
    """How rare a word is, is counted over every organisation."""
    ground.spoil_function("search_weights", _OWN_COUNTS, "true")
    ground.spoil_function(
        "search_weights",
        "t.org_id = v_org AND t.term = f.term AND t.audience_id = ANY (v_audiences)",
        "t.term = f.term",
    )


def _shared_average(ground: Ground, _: pytest.MonkeyPatch) -> None:
    """How long a chunk is on average, is counted over every organisation."""
    ground.spoil_function("search_lexical", _OWN_COUNTS, "true")


def _crowded_out(ground: Ground, _: pytest.MonkeyPatch) -> None:
    """The nearest chunks are those of all; row-level security then hides the others', and fewer are left."""
    for condition in ("i.org_id = v_org AND i.audience_id = ANY (v_audiences) AND ",):
        ground.spoil_function("search_semantic", condition, "")


def _sticky_settings(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is calling is set for the connection, not for the transaction."""
    lasting = {
        kind: statement.replace(", true)", ", false)") for kind, statement in database._ENTER_BY.items()
    }
    monkeypatch.setattr(database, "_ENTER_BY", lasting)


def _names_for_one(ground: Ground, _: pytest.MonkeyPatch) -> None:
    """A name is unique in the whole installation: that it is taken tells of whoever has it."""
    ground.execute("UPDATE connection SET name = name || ' ' || id WHERE name NOT LIKE 'Files %'")
    ground.execute("CREATE UNIQUE INDEX everybodys ON connection (name)")


# In the application ------------------------------------------------------------------------------------


def _facets(ground: Ground, _: pytest.MonkeyPatch) -> None:
    """Counts beside a list, over all rows."""
    ground.execute(
        _past_the_rules(
            "everybodys_counts() RETURNS TABLE (kind text, count bigint)",
            "SELECT kind, count(*) FROM public.record GROUP BY kind ORDER BY kind",
        )
    )
    router = _router(ground)

    @router.get("/facets", operation_id="planted_facets")
    def facets(session: Reads) -> Answer:
        return Answer(counts={row.kind: row.count for row in _rows(session, "everybodys_counts")})

    _serve(ground, router)


def _suggestions(ground: Ground, _: pytest.MonkeyPatch) -> None:
    """Titles that begin with what was typed, whoever's they are."""
    ground.execute(
        _past_the_rules(
            "everybodys_titles(typed text) RETURNS TABLE (title text)",
            "SELECT DISTINCT title FROM public.document WHERE title ILIKE typed || '%' ORDER BY title",
        )
    )
    router = _router(ground)

    @router.post("/suggestions", operation_id="planted_suggestions")
    def suggestions(session: Reads, body: Named) -> Answer:
        return Answer(titles=[row.title for row in _rows(session, "everybodys_titles", typed=body.name)])

    _serve(ground, router)


def _related(ground: Ground, _: pytest.MonkeyPatch) -> None:
    """From one's own object to those that say the same, two steps away, in any organisation."""
    ground.execute(
        _past_the_rules(
            "everybodys_related(start uuid) RETURNS TABLE (id uuid, document_id uuid)",
            "SELECT far.id, far.document_id FROM public.intelligence_object own"
            " JOIN public.intelligence_object near ON near.kind = own.kind AND near.org_id = own.org_id"
            " JOIN public.intelligence_object far ON far.text = near.text"
            " WHERE own.id = start ORDER BY far.id LIMIT 500",
        )
    )
    router = _router(ground)

    @router.get("/objects/{object_id}/related", operation_id="planted_related")
    def related(session: Reads, object_id: UUID) -> Answer:
        session.one(text("SELECT id FROM intelligence_object WHERE id = :id"), "object", id=object_id)
        return Answer(items=[row.id for row in _rows(session, "everybodys_related", start=object_id)])

    _serve(ground, router)


def _stream(ground: Ground, _: pytest.MonkeyPatch) -> None:
    """Every new document is told to whoever listens."""
    router = APIRouter()
    ground.app.openapi_schema = None
    seen = "SELECT DISTINCT path FROM document"

    async def events() -> AsyncIterator[bytes]:
        known: set[str] = set()
        while True:
            paths = set(await asyncio.to_thread(_as_worker, ground, seen))
            for path in sorted(paths - known):
                yield f"data: {path}\n\n".encode()
            known |= paths
            await asyncio.sleep(0.05)

    @router.get(
        "/api/v1/planted/events",
        operation_id="planted_events",
        openapi_extra={"security": [{"ApiKey": []}]},
    )
    async def stream() -> Response:
        return StreamingResponse(events(), media_type="text/event-stream")

    _serve(ground, router)


def _open_stream(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens to connections is read past the organisation, and given out unasked."""
    # All but what is erased: no stream has words for that, since no audience is left that would hear of it.
    ground.execute(
        "ALTER POLICY connection_event_app ON connection_event USING (state ->> 'status' <> 'erasing')"
    )
    monkeypatch.setattr(streams.Client, "may_read", lambda _client, _event: True)


def _open_store(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever knows a file's digest is handed the file, out of whichever organisation's folder it is in."""

    def download(session: WriteSession, export_id: UUID, name: str) -> StoredFile:
        digest = name.removeprefix("file-")
        for side in ground.sides:
            if digest == side.blob:
                session.audit(Action.EXPORT_DOWNLOADED, "export", export_id)
                return StoredFile(scope=str(side.org_id), digest=digest, name=name)
        return handed_out(session, export_id, name)

    handed_out = exports.download
    monkeypatch.setattr(exports, "download", download)


def _as_worker(ground: Ground, statement: str) -> list[str]:
    """One organisation after the other, as a worker may; what comes of it is nobody's to see as a whole."""
    found: list[str] = []
    for side in ground.sides:
        with ground.database.worker.organisation(side.org_id) as session:
            found += session.execute(text(statement)).scalars()
    return found


def _export(ground: Ground, _: pytest.MonkeyPatch) -> None:
    """A dump made by a worker that went through all organisations."""
    router = _router(ground)

    @router.get("/export", operation_id="planted_export")
    def export(session: Reads) -> Answer:
        return Answer(lines=_as_worker(ground, "SELECT path FROM document ORDER BY path"))

    _serve(ground, router)


def _forbidden(ground: Ground, _: pytest.MonkeyPatch) -> None:
    """403 for what exists elsewhere, 404 for what exists nowhere."""
    _elsewhere(ground)
    router = _router(ground)

    @router.get("/connections/{connection_id}", operation_id="planted_forbidden")
    def one(session: Reads, connection_id: UUID) -> Answer:
        if _rows(session, "somebodys_connection", wanted=connection_id):
            raise Forbidden("The connection belongs to another organisation.")
        raise NotFound("There is no such connection.")

    _serve(ground, router)


def _slow(ground: Ground, _: pytest.MonkeyPatch) -> None:
    """The same answer, later: something is worked out for what exists elsewhere, and thrown away."""
    _elsewhere(ground)
    router = _router(ground)

    @router.get("/connections/{connection_id}", operation_id="planted_slow")
    def one(session: Reads, connection_id: UUID) -> Answer:
        if _rows(session, "somebodys_connection", wanted=connection_id):
            time.sleep(0.03)
        raise NotFound("There is no such connection.")

    _serve(ground, router)


def _thorough(ground: Ground, _: pytest.MonkeyPatch) -> None:
    """The same answer after one statement more."""
    _elsewhere(ground)
    router = _router(ground)

    @router.get("/connections/{connection_id}", operation_id="planted_thorough")
    def one(session: Reads, connection_id: UUID) -> Answer:
        if _rows(session, "somebodys_connection", wanted=connection_id):
            _rows(session, "somebodys_connection", wanted=connection_id)
        raise NotFound("There is no such connection.")

    _serve(ground, router)


def _elsewhere(ground: Ground) -> None:
    ground.execute(
        _past_the_rules(
            "somebodys_connection(wanted uuid) RETURNS TABLE (id uuid)",
            "SELECT id FROM public.connection WHERE id = wanted",
        )
    )


def _talkative(ground: Ground, _: pytest.MonkeyPatch) -> None:
    """A refusal that names who has it already."""
    ground.execute(
        _past_the_rules(
            "holder_of(wanted text) RETURNS TABLE (name text)",
            "SELECT o.name FROM public.connection c JOIN public.organisation o ON o.id = c.org_id"
            " WHERE c.name = wanted",
        )
    )
    router = _router(ground)

    @router.post("/names", operation_id="planted_names")
    @requires(Permission.CONNECT_SOURCES)
    def take(session: Writes, body: Named) -> Answer:
        for row in _rows(session, "holder_of", wanted=body.name):
            raise Conflict(f"{row.name} has a connection of that name.")
        return Answer(name=body.name)

    _serve(ground, router)


def _careless_cursor(ground: Ground, _: pytest.MonkeyPatch) -> None:
    """The cursor says whose list it walks, and is believed."""
    router = _router(ground)

    @router.get("/list", operation_id="planted_list")
    def page(session: Reads, cursor: str | None = None, limit: int = 50) -> Answer:
        org_id = UUID(cursor) if cursor else session.principal.org_id
        with ground.database.worker.organisation(org_id) as worker:
            paths = worker.execute(text("SELECT path FROM document ORDER BY path LIMIT 5")).scalars().all()
        return Answer(items=paths, next_cursor=str(org_id))

    _serve(ground, router)


def _own_connection(side: Side) -> list[Fill]:
    return [Fill(path={"connection_id": str(side.files)})]


_READS = Maker(Kind.READ)
_GONE = Maker(Kind.WRITE, _own_connection, refused="the planted endpoint answers nobody")
_NAME = Maker(Kind.READ, lambda side: [Fill(body={"name": "Share"}), Fill(body={"name": side.word})])

LEAKS = (
    Leak("a write finds what belongs to another", "foreign_ids", _open_policy("connection", "job")),
    Leak("a read finds what belongs to another", "foreign_ids", _open_policy("document")),
    Leak("a list shows what belongs to another", "unmoved", _open_policy("connection")),
    Leak("words are weighed over all tenants", "unmoved", _shared_weights),
    Leak("lengths are averaged over all tenants", "unmoved", _shared_average),
    Leak("another's vectors crowd out one's own", "unmoved", _crowded_out),
    Leak("a pooled connection remembers its caller", "settings", _sticky_settings),
    Leak("a name is taken by another", "foreign_words", _names_for_one),
    Leak("facets count all rows", "unmoved", _facets, {"planted_facets": _READS}),
    Leak("suggestions come from all titles", "foreign_words", _suggestions, {"planted_suggestions": _NAME}),
    Leak(
        "the second step of a graph leaves the tenant",
        "unmoved",
        _related,
        {
            "planted_related": Maker(
                Kind.READ, lambda side: [Fill(path={"object_id": str(side.world.shared.object_id)})]
            )
        },
    ),
    Leak("an event stream tells everybody", "unmoved", _stream, {"planted_events": Maker(Kind.STREAM)}),
    Leak("the stream of connections forgets who listens", "unmoved", _open_stream),
    Leak("a file is handed to whoever knows its digest", "foreign_ids", _open_store),
    Leak("an export holds all tenants", "unmoved", _export, {"planted_export": _READS}),
    Leak("403 for what exists elsewhere", "foreign_ids", _forbidden, {"planted_forbidden": _GONE}),
    Leak("what exists elsewhere takes longer", "timing", _slow, {"planted_slow": _GONE}),
    Leak("what exists elsewhere takes a statement more", "timing", _thorough, {"planted_thorough": _GONE}),
    Leak(
        "a refusal names another tenant",
        "foreign_words",
        _talkative,
        {"planted_names": Maker(Kind.WRITE, lambda side: [Fill(body={"name": f"New of {side.word}"})])},
    ),
    Leak("a cursor carries its tenant along", "cursors", _careless_cursor, {"planted_list": _READS}),
)
