"""Two tenants with the same kind of content on one application, and all that is known of each from outside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from time import time
from typing import Any
from uuid import UUID

import httpx2 as httpx
import psycopg
import pyotp
from fastapi import FastAPI
from psycopg import sql
from sqlalchemy import Uuid, insert, update
from starlette.testclient import TestClient

from drovi_api.app import create_app
from drovi_api.runtime import ApiRuntime
from drovi_assets.retrieval.index import index_chunks
from resources import audiences, schema
from resources.organisations import issue_api_key, principal_of
from resources.schema import metadata
from resources.tenancy import Role
from tests.api.auth.conftest import Browser, Letters, sign_up
from tests.api.boundary.operations import Fill, Opens, Operation, operations_of
from tests.api.conftest import World, colleague_of, make_runtime, make_world
from tests.api.seed import seed_connection
from tests.conftest import Database, Tenant
from tests.fakes.corpus import add_object, write
from tests.fakes.embedder import FakeEmbedder

SHARED_WORDS = "The seller shall deliver the audited accounts before the closing date"
"""Stands in the content of both, and both search for it."""


@dataclass
class Side:
    """One of the tenants: its owner with a key and a signed-in browser, and its content.

    ``word`` stands in its names and content alone, and the other side asks for it; ``silent`` stands beside it in all
    content, and nobody ever asks for that: an answer that says it says more than it was told.
    """

    ground: Ground
    word: str
    silent: str
    letters: Letters
    browser: Browser
    tenant: Tenant = field(init=False)
    world: World = field(init=False)
    files: UUID = field(init=False)
    """The connection that holds what is written."""
    invitation: str = ""
    """The token of one that stands."""
    blob: str = ""
    """The digest of a file that one of its items belongs to."""
    secret: str = ""
    """Of its owner's second factor, once there is one."""
    written: int = 0

    @property
    def org_id(self) -> UUID:
        return self.tenant.principal.org_id

    @property
    def password(self) -> str:
        """Nobody else's."""
        return f"a ladder against the barn of {self.silent}"

    @property
    def names(self) -> tuple[str, ...]:
        """What others might try: its organisation, a connection of it, its owner's address, a word of its files."""
        return (f"Firm {self.word}", f"Files {self.word}", self.browser.email, self.word)

    @property
    def telling(self) -> tuple[str, ...]:
        """What only its own answers may say."""
        return (self.silent, *self.names[:-1])

    def ask(self, operation: Operation, fill: Fill, *, by_session: bool = False) -> httpx.Response:
        """Send a request as this tenant's owner."""
        self.ground.client.cookies.clear()  # what an answer to nobody in particular set
        more: dict[str, Any] = {"params": fill.query, "headers": dict(fill.headers)}
        if isinstance(fill.body, str):
            more["content"] = fill.body
        elif fill.body is not None:
            more["json"] = fill.body
        url = fill.url(operation)
        if operation.opens is Opens.PERSON or by_session:
            return self.browser(operation.method, url.removeprefix("/api/v1"), **more)
        if operation.opens is Opens.MEMBER:
            more["headers"].setdefault("Authorization", f"Bearer {self.tenant.key}")
        more["follow_redirects"] = False
        return self.ground.client.request(operation.method, url, **more)

    def by_key(self, method: str, path: str, **more: Any) -> Any:
        """What an operation answers the owner's key with; one that refuses ends the test."""
        headers = {"Authorization": f"Bearer {self.tenant.key}"} | more.pop("headers", {})
        answer = self.ground.client.request(method, f"/api/v1{path}", headers=headers, **more)
        assert answer.status_code < 400, f"{method} {path}: {answer.text}"
        return answer.json()

    def colleague(self) -> Tenant:
        """Somebody new in its organisation."""
        return colleague_of(self.ground.database, self.tenant, Role.MEMBER)

    def code(self) -> str:
        """What the owner's authenticator app shows; the step that the last one used up is forgotten."""
        self.ground.execute("UPDATE user_credential SET totp_last_step = NULL")
        return pyotp.TOTP(self.secret).at(int(time()))

    def come_back(self) -> None:
        """Whatever became of its browser: the owner is signed in again, in their organisation."""
        if self.browser("GET", "/auth/session").status_code != 200:
            self.browser.sign_in(password=self.password)
        self.browser("POST", "/auth/session/organisation", json={"organisation_id": str(self.org_id)})

    def ids(self, most: int | None = None) -> list[UUID]:
        """The ids its rows carry, in any table and column; at most so many of each column."""
        found: dict[UUID, None] = {}
        with psycopg.connect(self.ground.superuser) as connection:
            for table in metadata.sorted_tables:
                if "org_id" not in table.c:
                    continue
                for column in (one.name for one in table.c if isinstance(one.type, Uuid)):
                    query = sql.SQL(
                        "SELECT DISTINCT {0} FROM {1} WHERE org_id = %s AND {0} IS NOT NULL LIMIT {2}"
                    )
                    names = sql.Identifier(column), sql.Identifier(table.name), sql.Literal(most)
                    found |= dict.fromkeys(
                        one for (one,) in connection.execute(query.format(*names), [self.org_id])
                    )
        return list(found)

    def write(self, documents: int) -> None:
        """Land, derive and index new content: the words that both search for, and this tenant's own."""
        org_id = self.org_id
        with self.ground.database.worker.organisation(org_id) as session:
            audience_id = audiences.of_organisation(session, org_id)
            for number in range(self.written, self.written + documents):
                paragraphs = (
                    f"{SHARED_WORDS}, as agreed with {self.word} {self.silent} in part {number}.",
                    f"The escrow of {self.word} {self.silent} is kept by the notary until the accounts are audited.",
                )
                source = write(
                    session,
                    org_id,
                    self.files,
                    audience_id,
                    path=f"{self.word}/{self.silent}/{number}.txt",
                    paragraphs=paragraphs,
                )
                index_chunks(session, org_id, source.chunks, FakeEmbedder())
                add_object(session, org_id, audience_id, source, kind="commitment", quote=SHARED_WORDS)
        self.written += documents


@dataclass
class Ground:
    """An application on a database of its own, with both tenants in it."""

    database: Database
    superuser: str
    runtime: ApiRuntime
    app: FastAPI
    client: TestClient
    sides: list[Side] = field(default_factory=list)

    @property
    def a(self) -> Side:
        """The one who acts."""
        return self.sides[0]

    @property
    def b(self) -> Side:
        """The one who may not notice."""
        return self.sides[1]

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """What the application says it can do."""
        return operations_of(self.app.openapi())

    def execute(self, statement: str) -> None:
        """Change the database itself, past every rule; to spoil it on purpose."""
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            connection.execute(statement.encode())

    def spoil_function(self, name: str, old: str, new: str) -> None:
        """Define a function anew with something in it replaced; its owner and rights stay."""
        with psycopg.connect(self.superuser, autocommit=True) as connection:
            (body,) = connection.execute("SELECT pg_get_functiondef(%s::regproc)", [name]).fetchone() or ("",)
            assert old in body, f"{name} does not say {old!r}"
            connection.execute(body.replace(old, new).encode())

    def search_approximately(self) -> None:
        """Have the graph of vectors asked however few there are; all tenants share it."""
        self.spoil_function("search_semantic", "IF v_visible <= p_exact THEN", "IF v_visible < 0 THEN")

    def forget_attempts(self) -> None:
        """Nobody has tried anything yet: all requests of a test come from one address."""
        self.execute("DELETE FROM rate_limit")


@contextmanager
def open_ground(database: Database, superuser: str, home: Path) -> Iterator[Ground]:
    """Serve an application, and let both tenants sign up and fill it."""
    runtime = make_runtime(database, home)
    app = create_app(runtime)
    with TestClient(app, raise_server_exceptions=False) as client:
        ground = Ground(database, superuser, runtime, app, client)
        for words in (("Vespertilio", "Brumaire"), ("Ornithorynque", "Fructidor")):
            ground.sides.append(_side(ground, *words))
        yield ground


def _side(ground: Ground, word: str, silent: str) -> Side:
    letters = Letters(ground.database, ground.runtime)
    email = f"owner@{word.lower()}.example"
    http = TestClient(ground.app, raise_server_exceptions=False)
    http.portal = ground.client.portal  # one event loop for the application, whoever asks
    browser = Browser(http)
    side = Side(ground, word, silent, letters, browser)
    sign_up(browser, letters, email, f"Firm {word}", side.password)
    current = browser("GET", "/auth/session").json()
    principal = principal_of(
        ground.database.worker, UUID(current["organisation_id"]), UUID(current["user_id"])
    )
    side.tenant = Tenant(principal, issue_api_key(ground.database.worker, principal, f"Key {word}"))
    side.files = seed_connection(ground.database, side.tenant, f"Files {word}")
    side.world = make_world(ground.database, ground.runtime, side.tenant)
    side.write(documents=3)
    _store_files(side)
    guest = f"guest@{word.lower()}.example"
    side.by_key("POST", "/invitations", json={"email": guest, "role": "MEMBER", "name": f"Guest {silent}"})
    side.invitation = letters.token(guest)
    return side


def _store_files(side: Side) -> None:
    """A part of the side's export that tells of it, and the file of an item of its own."""
    said = f"{side.word} {side.silent}\n".encode()
    objects, export_id = side.ground.runtime.objects, side.world.duties.export_id
    side.blob = objects.put(str(side.org_id), said)
    part = {
        "export_id": export_id,
        "org_id": side.org_id,
        "user_id": side.tenant.principal.user_id,
        "number": 1,
        "name": "document.jsonl",
        "sha256": objects.put(f"export-{export_id}", said),
        "bytes": len(said),
        "rows": 1,
        "position": {"section": 1, "after": None},
    }
    document = schema.document
    with side.ground.database.worker.organisation(side.org_id) as session:
        session.execute(insert(schema.export_part).values(part))
        session.execute(
            update(document).where(document.c.id == side.world.shared.document_id).values(blob=side.blob)
        )
