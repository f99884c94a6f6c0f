"""What the database writes down of connections: every change once, in the order of commits, for a day."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import ProgrammingError

from resources import audiences
from resources.embedded_postgres import EmbeddedPostgres
from resources.schema import connection as connection_table
from resources.schema import connection_event, job, stream_cursor
from tests.conftest import Database, Tenant


@pytest.fixture
def connection_id(database: Database, tenant: Tenant) -> UUID:
    return _connect(database, tenant)


def _connect(database: Database, tenant: Tenant) -> UUID:
    org_id, audience_id = tenant.principal.org_id, uuid4()
    with database.worker.organisation(org_id) as session:
        made: UUID = session.execute(
            insert(connection_table)
            .values(
                org_id=org_id,
                owner_id=tenant.principal.user_id,
                connector="documents",
                name=str(uuid4()),
                audience_id=audience_id,
            )
            .returning(connection_table.c.id)
        ).scalar_one()
        audiences.found(session, org_id, made, audience_id)
    return made


def _change(session: Connection, connection_id: UUID, **values: Any) -> None:
    session.execute(update(connection_table).where(connection_table.c.id == connection_id).values(values))


def _told(database: Database, tenant: Tenant, connection_id: UUID) -> list[Any]:
    query = select(connection_event).where(connection_event.c.connection_id == connection_id)
    with database.app.acting_as(tenant.principal) as session:
        return list(session.execute(query.order_by(connection_event.c.id)))


def _told_at(postgres: EmbeddedPostgres, database: Database, moment: str) -> None:
    """All that was told so far was at that moment."""
    name = urlsplit(database.urls.owner).path.removeprefix("/")
    with psycopg.connect(postgres.url(name, "superuser")) as superuser:
        superuser.execute(f"UPDATE connection_event SET created_at = {moment}")


def test_a_transaction_is_told_once_as_it_left_the_connection(
    database: Database, tenant: Tenant, connection_id: UUID
) -> None:
    """Items and status that changed together are one event."""
    with database.worker.organisation(tenant.principal.org_id) as session:
        _change(session, connection_id, status="paused")
        for stream in ("files", "mails"):
            session.execute(
                insert(stream_cursor).values(
                    org_id=tenant.principal.org_id,
                    connection_id=connection_id,
                    stream=stream,
                    scope="live",
                    cursor={},
                    items=2,
                )
            )
    first, second = _told(database, tenant, connection_id)
    assert (first.state["status"], first.state["items"]) == ("active", 0)
    assert (second.state["status"], second.state["items"]) == ("paused", 4)
    assert second.state.keys() == {"id", "visibility", "status", "status_detail", "last_synced_at", "items"}


def test_syncs_that_bring_nothing_are_told_once_a_minute(
    database: Database, tenant: Tenant, connection_id: UUID
) -> None:
    """A connection is read every few seconds: a day of that would be twenty thousand rows."""
    for seconds in (0, 4, 8, 59, 61):
        with database.worker.dispatch() as session:
            moment = text(f"timestamptz '2026-03-01 09:00:00Z' + interval '{seconds} seconds'")
            _change(session, connection_id, last_synced_at=moment)
    moments = [row.state["last_synced_at"] for row in _told(database, tenant, connection_id)]
    assert moments == [None, "2026-03-01T09:00:00+00:00", "2026-03-01T09:01:01+00:00"]


def test_numbers_rise_in_the_order_of_commits(database: Database, tenant: Tenant) -> None:
    """So that whoever has read up to one has missed none before it; the one who began first commits last here."""
    early, late = _connect(database, tenant), _connect(database, tenant)
    with database.worker.dispatch() as slow:
        _change(slow, early, status="paused")
        with database.worker.dispatch() as quick:
            _change(quick, late, status="paused")
        seen = max(row.id for row in _told(database, tenant, late))
    assert max(row.id for row in _told(database, tenant, early)) > seen


def test_many_at_once_are_all_told_in_an_order(database: Database, tenant: Tenant) -> None:
    connections = [_connect(database, tenant) for _ in range(4)]

    def work(connection_id: UUID) -> None:
        for turn in range(20):
            with database.worker.dispatch() as session:
                _change(session, connection_id, status_detail=str(turn))

    threads = [threading.Thread(target=work, args=(one,)) for one in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in connections:
        rows = _told(database, tenant, one)
        assert [row.state["status_detail"] for row in rows] == ["", *map(str, range(20))]


def test_a_days_events_are_kept_and_the_last_one(
    database: Database, tenant: Tenant, connection_id: UUID, postgres: EmbeddedPostgres
) -> None:
    with database.worker.dispatch() as session:
        _change(session, connection_id, status="paused")
    _told_at(postgres, database, "now() - interval '25 hours'")
    assert len(_told(database, tenant, connection_id)) == 2
    with database.worker.dispatch() as session:
        _change(session, connection_id, status="active")
    (last,) = _told(database, tenant, connection_id)
    assert last.state["status"] == "active"


def test_nobody_writes_events_by_hand(database: Database, tenant: Tenant, connection_id: UUID) -> None:
    values = {
        "org_id": tenant.principal.org_id,
        "id": 1,
        "audience_id": uuid4(),
        "connection_id": connection_id,
        "state": {},
    }
    for session_of in (
        lambda: database.worker.organisation(tenant.principal.org_id),
        lambda: database.app.acting_as(tenant.principal),
    ):
        with session_of() as session, pytest.raises(ProgrammingError, match="permission denied"):
            session.execute(insert(connection_event).values(values))


def _backfill(database: Database, tenant: Tenant, connection_id: UUID, **values: Any) -> UUID:
    row = {"org_id": tenant.principal.org_id, "connection_id": connection_id, "kind": "backfill"}
    with database.worker.dispatch() as session:
        made: UUID = session.execute(
            insert(job)
            .values(**row, idempotency_key=str(uuid4()), status="running", **values)
            .returning(job.c.id)
        ).scalar_one()
    return made


def _note(database: Database, job_id: UUID, windows: int, **values: Any) -> None:
    progress = {
        "items": 10 * windows,
        "windows_done": windows,
        "windows_total": 9,
        "eta_seconds": None,
        "last_error": None,
        "documents": 3,
    }
    with database.worker.dispatch() as session:
        session.execute(update(job).where(job.c.id == job_id).values({"progress": progress} | values))


def test_how_far_a_backfill_is_is_told_at_most_once_a_second(
    database: Database, tenant: Tenant, connection_id: UUID, postgres: EmbeddedPostgres
) -> None:
    """What it says is what a person follows; a worker that notes every page does not flood who watches."""
    job_id = _backfill(database, tenant, connection_id)
    _note(database, job_id, 1)
    _told_at(postgres, database, "now() + interval '1 minute'")  # however slow this machine is
    for windows in (2, 3):
        _note(database, job_id, windows)
    (_, told) = _told(database, tenant, connection_id)
    assert told.state["progress"] == {
        "items": 0,
        "windows_done": 1,
        "windows_total": 9,
        "eta_seconds": None,
        "last_error": None,
    }
    _told_at(postgres, database, "now() - interval '2 seconds'")
    _note(database, job_id, 4)
    assert _told(database, tenant, connection_id)[-1].state["progress"]["windows_done"] == 4


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_that_a_backfill_is_over_is_told_at_once(
    database: Database, tenant: Tenant, connection_id: UUID, status: str
) -> None:
    """However it ends; then there is no progress any more."""
    job_id = _backfill(database, tenant, connection_id)
    _note(database, job_id, 1)
    _note(database, job_id, 9, status=status)
    states = [row.state for row in _told(database, tenant, connection_id)]
    assert ["progress" in state for state in states] == [False, True, False]


def test_progress_waits_for_nobody(database: Database, tenant: Tenant, connection_id: UUID) -> None:
    """While another transaction of the organisation is being told, a worker's note is not; the next one is."""
    job_id = _backfill(database, tenant, connection_id)
    with database.worker.dispatch() as busy:
        lock = "SELECT pg_advisory_xact_lock(hashtextextended('connection_event:' || :org, 0))"
        busy.execute(text(lock), {"org": str(tenant.principal.org_id)})
        _note(database, job_id, 1)
    assert len(_told(database, tenant, connection_id)) == 1
    _note(database, job_id, 2)
    assert _told(database, tenant, connection_id)[-1].state["progress"]["windows_done"] == 2


def test_only_a_backfill_that_counts_windows_has_progress(
    database: Database, tenant: Tenant, connection_id: UUID
) -> None:
    """What workers of an older version note is left aside."""
    job_id = _backfill(database, tenant, connection_id)
    with database.worker.dispatch() as session:
        session.execute(update(job).where(job.c.id == job_id).values(progress={"items": 3}))
    assert all("progress" not in row.state for row in _told(database, tenant, connection_id))
