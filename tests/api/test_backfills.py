"""Asking for a source's history: once, by whoever may sync it, and only for what there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update

from resources.audit import newest
from resources.clock import now
from resources.schema import connection as connection_table
from resources.schema import job
from tests.api.cases import POSTGRES_CONFIG
from tests.api.conftest import Caller, World
from tests.conftest import Database

SPRING = {"start": "2024-03-01", "end": "2024-06-01"}


def _path(connection_id: object) -> str:
    return f"/api/v1/connections/{connection_id}/backfill"


def _connected(caller: Caller, connector: str, config: dict[str, Any], name: str = "A source") -> str:
    body = {"connector": connector, "name": name, "config": config}
    made = caller("POST", "/api/v1/connections", json=body)
    assert made.status_code == 201, made.text
    return made.json()["id"]


def test_who_may_not_see_or_sync_a_source_asks_for_nothing(
    stranger: Caller, other: Caller, viewer: Caller, member: Caller, world: World, *, api_database: Database
) -> None:
    """Of another tenant's, or a colleague's private one, there is not even a refusal to learn from."""
    shared, private = _path(world.shared.connection_id), _path(world.private.connection_id)
    wrong = {"stream": "nonsense"}
    assert stranger("POST", shared, json=wrong).status_code == 401
    assert other("POST", shared, json=wrong).status_code == 404
    assert viewer("POST", shared, json={}).status_code == 403
    assert member("POST", private, json=wrong).status_code == 404
    made = member("POST", shared, json={})
    assert made.status_code == 202
    with api_database.worker.dispatch() as session:  # which others share
        session.execute(delete(job).where(job.c.id == UUID(made.json()["id"])))


def test_the_same_request_is_the_same_job_until_it_is_over(
    newcomer: Callable[[], Caller], api_database: Database
) -> None:
    """Connection, stream, window and full refresh: another of them is another job."""
    caller = newcomer()
    config = {"path": "/srv/files"}
    path, another = (_path(_connected(caller, "documents", config, name)) for name in ("One", "Two"))
    asked = {"stream": "files", "window": SPRING, "full_refresh": True}
    first = caller("POST", path, json=asked)
    assert first.status_code == 202
    made = first.json()
    assert (made["kind"], made["status"]) == ("backfill", "queued")
    assert made["requested_by"] == str(caller.tenant.principal.user_id)
    assert made["arguments"] == {"stream": "files", "window": "2024-03-01/2024-06-01", "full_refresh": True}
    assert caller("POST", path, json=asked).json() == made
    different = [
        (another, asked),
        (path, asked | {"stream": None}),
        (path, asked | {"window": None}),
        (path, asked | {"window": SPRING | {"end": "2024-06-02"}}),
        (path, asked | {"full_refresh": False}),
        (path, {}),
    ]
    ids = {caller("POST", where, json=body).json()["id"] for where, body in different}
    assert len(ids | {made["id"]}) == 7
    with api_database.worker.dispatch() as session:
        session.execute(update(job).where(job.c.id == made["id"]).values(status="succeeded"))
    again = caller("POST", path, json=asked).json()
    assert again["id"] not in ids | {made["id"]}
    assert caller("POST", path, json=asked).json() == again


def _in_a_month() -> dict[str, str]:
    today = now().date()
    return {"start": str(today + timedelta(days=30)), "end": str(today + timedelta(days=60))}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"stream": "mail"}, "for all of them: files"),
        ({"stream": ""}, "files"),
        ({"stream": "files\x00"}, "files"),
        ({"window": {"start": "2024-06-01", "end": "2024-03-01"}}, "later than the start"),
        ({"window": {"start": "2024-06-01", "end": "2024-06-01"}}, "later than the start"),
        ({"window": _in_a_month()}, "a start that has been"),
        ({"window": {"start": "2024-06-01"}}, "body.window.end"),
        ({"window": "2024-03"}, "body.window"),
        ({"window": {"start": "spring", "end": "summer"}}, "body.window.start"),
        ({"windows": []}, "body.windows"),
    ],
)
def test_what_is_not_there_is_refused_with_what_there_is(
    newcomer: Callable[[], Caller], api_database: Database, body: dict[str, Any], says: str
) -> None:
    """And nothing is asked for."""
    caller = newcomer()
    connection_id = _connected(caller, "documents", {"path": "/srv/files"})
    answer = caller("POST", _path(connection_id), json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")
    assert says in answer.text
    with api_database.worker.dispatch() as session:
        assert session.execute(select(job.c.id).where(job.c.connection_id == UUID(connection_id))).all() == []


def test_a_window_is_for_what_is_cut_by_time(newcomer: Callable[[], Caller]) -> None:
    """A table without a change time has none, and nothing is read from what is pushed to."""
    caller = newcomer()
    tables = [{"table": "note", "key": ["id"], "updated_at": "at"}, {"table": "colour", "key": ["id"]}]
    ledger = _path(_connected(caller, "postgres", POSTGRES_CONFIG | {"tables": tables}))
    feed = _path(_connected(caller, "feed", {}, "Feed"))
    undated = caller("POST", ledger, json={"stream": "public.colour", "window": SPRING})
    assert undated.status_code == 422
    assert "Leave the window out" in undated.json()["remedy"]
    for body in (
        {"window": SPRING},
        {"stream": "public.note", "window": SPRING},
        {"stream": "public.colour"},
    ):
        assert caller("POST", ledger, json=body).status_code == 202
    pushed = caller("POST", feed, json={})
    assert pushed.status_code == 422
    assert "sender" in pushed.json()["remedy"]


@pytest.mark.parametrize(
    ("status", "detail", "says"),
    [("paused", "", "Resume it"), ("needs_person", "Enter the password again.", "Enter the password again.")],
)
def test_a_source_that_is_not_read_has_no_history_read(
    newcomer: Callable[[], Caller], api_database: Database, status: str, detail: str, says: str
) -> None:
    """What would fail is not asked for; the answer says what has to be done first."""
    caller = newcomer()
    connection_id = _connected(caller, "documents", {"path": "/srv/files"})
    with api_database.worker.dispatch() as session:
        mine = update(connection_table).where(connection_table.c.id == connection_id)
        session.execute(mine.values(status=status, status_detail=detail))
    answer = caller("POST", _path(connection_id), json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    assert says in answer.json()["remedy"]


def test_what_was_asked_for_is_in_the_log_once_and_without_the_stream(
    newcomer: Callable[[], Caller], api_database: Database
) -> None:
    """A private source's stream may be the name of a table; a repeat is no act, nor is a refusal."""
    caller = newcomer()
    connection_id = _connected(caller, "documents", {"path": "/srv/files"})
    for _ in range(2):
        made = caller("POST", _path(connection_id), json={"stream": "files", "window": SPRING}).json()
    caller("POST", _path(connection_id), json={"stream": "nonsense"})
    org_id: UUID = caller.tenant.principal.org_id
    with api_database.worker.organisation(org_id) as session:
        entry, created = newest(session, org_id, 10)
    assert created.action == "connection.created"
    assert (entry.action, entry.subject_id) == ("connection.backfill_requested", connection_id)
    assert entry.after == {"job_id": made["id"], "window": "2024-03-01/2024-06-01", "full_refresh": False}
