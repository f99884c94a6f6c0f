"""``drovi dlq``: what was given up is listed, shown, sent back and dropped, with a question before many are lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from resources.audit import newest
from resources.events.envelope import Topic
from resources.schema import dead_letter, outbox
from tests.conftest import Database, Tenant
from tests.integration.cli.conftest import Said

Drovi = Callable[..., Said]


@pytest.fixture
def letters(database: Database, tenant: Tenant) -> list[UUID]:
    """Three, in the order of their offsets."""
    rows = [
        {
            "org_id": tenant.principal.org_id,
            "topic": Topic.RAW,
            "partition": 1,
            "offset": offset,
            "consumer_group": "landing",
            "key": "one",
            "headers": {"first-error": "KeyError: 'id'", "group": "landing"},
            "payload": b'{"number": %d}' % offset,
            "attempts": 5,
            "error_code": "KeyError" if offset else "Invalid",
            "error_message": "KeyError: 'id'",
        }
        for offset in range(3)
    ]
    with database.worker.dispatch() as session:
        session.execute(dead_letter.insert(), rows)
        return list(session.execute(select(dead_letter.c.id).order_by(dead_letter.c.offset)).scalars())


def _statuses(database: Database) -> list[Any]:
    with database.worker.dispatch() as session:
        return list(session.execute(select(dead_letter.c.status).order_by(dead_letter.c.offset)).scalars())


def test_they_are_listed_by_what_they_have_in_common(drovi: Drovi, letters: list[UUID]) -> None:
    """Without their content; as a table for people."""
    listed = drovi("dlq", "list", "--error", "KeyError", "--json").data
    assert listed["total"] == 2
    assert {one["id"] for one in listed["dead_letters"]} == set(map(str, letters[1:]))
    assert all("payload" not in one for one in listed["dead_letters"])
    assert "There are none" in drovi("dlq", "list", "--status", "dropped").text
    assert "3 in all" in drovi("dlq", "list", "--status", "any").text


def test_one_is_shown_with_its_content(drovi: Drovi, letters: list[UUID]) -> None:
    """And with its headers; one that is not there is said to be missing."""
    shown = drovi("dlq", "show", str(letters[1]), "--json").data
    assert (shown["payload"], shown["headers"]["group"]) == ('{"number": 1}', "landing")
    assert drovi("dlq", "show", str(UUID(int=1))).code == 2


def test_a_range_is_sent_back(drovi: Drovi, database: Database, letters: list[UUID]) -> None:
    """At once, and by whom is kept."""
    chosen = ("--topic", Topic.RAW, "--partition", "1", "--from", "1", "--to", "2")
    assert drovi("dlq", "replay", *chosen, "--json").data == {"asked": 2, "sent": 2}
    assert _statuses(database) == ["dead", "replayed", "replayed"]
    with database.worker.dispatch() as session:
        sent = session.execute(select(outbox)).all()
    assert {row.headers["replayed-by"] for row in sent} == {"the command line"}
    assert {row.headers["replayed-from"] for row in sent} == set(map(str, letters[1:]))


def test_dropping_many_asks_first(
    drovi: Drovi, database: Database, tenant: Tenant, letters: list[UUID]
) -> None:
    """One goes without a question; all of them never do; the reason is in the audit log."""
    reason = ("--reason", "A test of March.")
    assert drovi("dlq", "drop", *reason, "--topic", Topic.RAW).code == 1  # nobody says yes
    assert drovi("dlq", "drop", *reason, "--yes").code == 2
    assert _statuses(database) == ["dead"] * 3
    assert drovi("dlq", "drop", str(letters[0]), *reason, "--json").data == {"dropped": 1}
    assert drovi("dlq", "drop", *reason, "--topic", Topic.RAW, "--yes", "--json").data == {"dropped": 2}
    assert _statuses(database) == ["dropped"] * 3
    with database.worker.organisation(tenant.principal.org_id) as session:
        entry = newest(session, tenant.principal.org_id, 1)[0]
    assert (entry.action, entry.after["count"], entry.after["reason"]) == (
        "dead_letter.dropped",
        2,
        "A test of March.",
    )
