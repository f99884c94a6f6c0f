"""A source of one's own that is pushed to, and a sender that signs as it should."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2 as httpx
import pytest
from sqlalchemy import delete, func, select

from resources.events.envelope import ItemsPushed, body_of, opened
from resources.schema import (
    outbox,
    rate_limit,
    skipped_item,
    webhook_message,
)
from resources.webhooks import headers_of
from tests.api.conftest import Caller
from tests.conftest import Database

ITEM = {"id": "note-1", "title": "Call with the notary", "text": "The deed is signed on Friday."}


_numbers = itertools.count()


@dataclass(frozen=True)
class Feed:
    """A source of the owner's that is pushed to, and a look at what became of it."""

    http: httpx.Client
    database: Database
    org_id: UUID
    id: UUID
    path: str
    secret: str

    def push(self, body: Any, **changes: Any) -> httpx.Response:
        """Send a message, signed as its sender would, but for ``changes``."""
        content, headers = self.signed(body, **changes)
        return self.send(content, headers)

    def signed(
        self, body: Any, *, secret: str = "", message_id: str = "", at: float | None = None
    ) -> tuple[bytes, dict[str, str]]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        moment = int(time.time() if at is None else at)
        message_id = message_id or f"msg_{next(_numbers)}"
        return content, headers_of([secret or self.secret], message_id, moment, content)

    def send(self, content: bytes, headers: dict[str, str], path: str = "") -> httpx.Response:
        return self.http.post(path or self.path, content=content, headers=headers)

    def events(self) -> list[ItemsPushed]:
        """What is on its way to the log."""
        with self.database.worker.dispatch() as session:
            query = select(outbox).where(outbox.c.key == str(self.id)).order_by(outbox.c.id)
            rows = session.execute(query).all()
        assert {row.org_id for row in rows} <= {self.org_id}
        envelopes = [opened(row.payload) for row in rows]
        assert {one.org_id for one in envelopes} <= {self.org_id}
        return [body_of(one) for one in envelopes]

    def messages(self) -> int:
        with self.database.worker.dispatch() as session:
            mine = webhook_message.c.connection_id == self.id
            return session.execute(select(func.count()).select_from(webhook_message).where(mine)).scalar_one()

    def skipped(self) -> dict[str, str]:
        with self.database.worker.organisation(self.org_id) as session:
            query = select(skipped_item.c.provider_id, skipped_item.c.reason)
            rows = session.execute(query.where(skipped_item.c.connection_id == self.id))
            return {row.provider_id: row.reason for row in rows}


@pytest.fixture
def feed(newcomer: Callable[[], Caller], api_database: Database) -> Feed:
    return make_feed(newcomer(), api_database)


def make_feed(caller: Caller, database: Database, **more: Any) -> Feed:
    body = {"connector": "feed", "name": f"Practice software {next(_numbers)}", "config": {}, **more}
    made = caller("POST", "/api/v1/connections", json=body)
    assert made.status_code == 201, made.text
    intake = made.json()["intake"]
    path = "/webhooks/v1/" + intake["url"].rpartition("/")[2]
    assert intake["url"] == f"http://127.0.0.1:8000{path}"
    org_id = caller.tenant.principal.org_id
    return Feed(caller.http, database, org_id, UUID(made.json()["id"]), path, intake["secret"])


def forget_attempts(database: Database) -> None:
    """As if the minute were over."""
    with database.identity.transaction() as session:
        session.execute(delete(rate_limit))


@pytest.fixture(autouse=True)
def _alone(api_database: Database) -> Iterator[None]:
    """All requests of the tests come from one address; and nobody here moves what they leave in the outbox."""
    forget_attempts(api_database)
    yield
    with api_database.worker.dispatch() as session:
        session.execute(delete(outbox))


def plain(response: httpx.Response) -> tuple[int, dict[str, Any]]:
    return response.status_code, {k: v for k, v in response.json().items() if k != "request_id"}
