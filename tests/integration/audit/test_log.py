"""The audit log as the database keeps it: written by one function alone, seen by its organisation, never changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from resources.audit import PLATFORM, SYSTEM, Action, newest, record, record_each
from resources.database import AppDatabase, WorkerDatabase
from resources.schema import audit_entry, audit_head, organisation
from tests.conftest import Database, Tenant, make_tenant
from tests.integration.audit.conftest import ALICE, Chain


def test_an_entry_says_who_what_on_which_from_where_before_and_after(chain: Chain) -> None:
    chain.append()
    with chain.database.organisation(chain.org_id) as connection:
        (entry,) = newest(connection, chain.org_id, 10)
    assert (entry.sequence, entry.actor_kind, entry.actor_id) == (1, "user", ALICE.id)
    assert (entry.actor_label, entry.address, entry.request_id) == (ALICE.label, ALICE.address, "request-1")
    assert (entry.action, entry.subject_kind, entry.subject_id) == ("member.role_changed", "member", "m0")
    assert (entry.before, entry.after["role"]) == ({"role": "MEMBER"}, "ADMIN")


def test_the_newest_come_first_and_go_on_where_they_ended(chain: Chain) -> None:
    chain.append(5)
    with chain.database.organisation(chain.org_id) as connection:
        first = newest(connection, chain.org_id, 3)
        second = newest(connection, chain.org_id, 3, first[-1].sequence)
    assert [entry.sequence for entry in (*first, *second)] == [5, 4, 3, 2, 1]


def test_one_act_on_many_objects_is_an_entry_for_each(chain: Chain) -> None:
    """Written by one statement, and chained as any others."""
    chain.append()
    subjects = {
        uuid4(): {"email": f"{number}@firm.example", "api_key": "hunter2-hunter2"} for number in range(3)
    }
    with chain.database.organisation(chain.org_id) as connection:
        record_each(connection, ALICE, Action.MEMBER_INVITED, "invitation", subjects, request_id="request-2")
        entries = newest(connection, chain.org_id, 3)[::-1]
    assert [(entry.sequence, entry.subject_id) for entry in entries] == [
        (number, str(subject)) for number, subject in enumerate(subjects, start=2)
    ]
    assert [entry.after["email"] for entry in entries] == [f"{number}@firm.example" for number in range(3)]
    assert {(entry.before, entry.request_id) for entry in entries} == {(None, "request-2")}
    assert "hunter2" not in str(entries)
    chain.append()
    assert chain.problems() == []


def test_a_secret_does_not_get_in(chain: Chain) -> None:
    """Whether its name tells, or its shape."""
    with chain.database.organisation(chain.org_id) as connection:
        record(
            connection,
            ALICE,
            Action.CONNECTION_CREATED,
            "connection",
            uuid4(),
            after={
                "password": "hunter2-hunter2",
                "config": {"url": "postgresql://u:hunter2-hunter2@host/db"},
            },
        )
        stored = connection.execute(select(func.string_agg(text("after::text"), "")).select_from(audit_entry))
        assert "hunter2" not in stored.scalar_one()


def test_an_act_that_is_rolled_back_leaves_no_entry(chain: Chain) -> None:
    """And no gap: the next one takes its number."""
    chain.append()
    with chain.database.organisation(chain.org_id) as connection:
        assert record(connection, ALICE, Action.MEMBER_REMOVED, "member", "x") == 2
        connection.rollback()
    chain.append()
    report = chain.verify()
    assert (report.entries, report.problems) == (2, ())


def test_appends_at_once_make_one_gapless_chain(chain: Chain) -> None:
    """Eight threads, the first entry included: nobody overtakes, nobody forks."""
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(chain.append, 5) for _ in range(8)] + [
            pool.submit(chain.append) for _ in range(40)
        ]:
            done.result()
    report = chain.verify()
    assert (report.entries, report.problems) == (80, ())
    with chain.database.organisation(chain.org_id) as connection:
        times = connection.execute(select(audit_entry.c.at).order_by(audit_entry.c.sequence)).scalars().all()
    assert times == sorted(times)


def test_another_organisation_sees_nothing(chain: Chain, database: Database, tenant: Tenant) -> None:
    """Nor the worker that acts for another one, nor the platform's chain."""
    chain.append()
    other = make_tenant(database, "Dubois Audit")
    with database.app.acting_as(tenant.principal) as session:
        assert len(session.execute(select(audit_entry)).all()) == 1
    with database.app.acting_as(other.principal) as session:
        assert session.execute(select(audit_entry)).all() == []
    for org_id in (other.principal.org_id, PLATFORM):
        with database.worker.organisation(org_id) as session:
            assert session.execute(select(audit_entry)).all() == []


def test_a_transaction_without_an_organisation_cannot_append(database: Database) -> None:
    with (
        pytest.raises(DBAPIError, match="names no organisation"),
        database.worker.dispatch() as connection,
    ):
        record(connection, SYSTEM, Action.KEYS_ROTATED, "key", "k")


CHANGES = [
    "UPDATE audit_entry SET actor_label = 'nobody'",
    "DELETE FROM audit_entry",
    "TRUNCATE audit_entry",
    "UPDATE audit_head SET sequence = 0",
    "DELETE FROM audit_head",
    "TRUNCATE audit_head",
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_tables_owner_cannot_change_it(chain: Chain, database: Database, change: str) -> None:
    """Nor by taking on the role of who may."""
    chain.append()
    with psycopg.connect(database.urls.owner) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            connection.execute(change)
        connection.rollback()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SET ROLE drovi_audit")
    assert chain.verify().problems == ()


@pytest.mark.parametrize("change", [*CHANGES, "INSERT INTO audit_entry SELECT * FROM audit_entry"])
def test_neither_application_nor_worker_can_change_it(
    chain: Chain, database: Database, tenant: Tenant, change: str
) -> None:
    chain.append()
    for session in (
        database.app.acting_as(tenant.principal),
        database.worker.organisation(tenant.principal.org_id),
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), session as connection:
            connection.execute(text(change))
    assert chain.verify().problems == ()


def test_the_owner_cannot_slip_an_entry_in(chain: Chain, database: Database) -> None:
    chain.append()
    with psycopg.connect(database.urls.owner) as connection, pytest.raises(psycopg.Error, match="row-level"):
        connection.execute(
            "INSERT INTO audit_entry VALUES (%s, 2, now(), 'user', '', '', 'a.b', '', '', '', '', NULL, NULL, '', '')",
            [chain.org_id],
        )


class TestErasure:
    """An organisation's chain goes when the organisation has gone, and not before."""

    def test_a_chain_is_kept_while_its_organisation_exists(self, chain: Chain) -> None:
        chain.append(3)
        with pytest.raises(DBAPIError, match="still exists"):
            _erase(chain.database, chain.org_id)
        assert chain.verify().entries == 3

    def test_it_goes_after_its_organisation_and_leaves_the_others(
        self, chain: Chain, database: Database
    ) -> None:
        """With its head and the memory of its anchor, in the transaction that deletes the organisation."""
        chain.append(3)
        chain.anchor()
        other = make_tenant(database, "Dubois Audit").principal.org_id
        with database.worker.organisation(other) as connection:
            record(connection, ALICE, Action.MEMBER_LEFT, "member", "x")
        with database.worker.organisation(chain.org_id) as connection:
            connection.execute(delete(organisation).where(organisation.c.id == chain.org_id))
            assert connection.execute(select(func.audit_erase(chain.org_id))).scalar_one() == 3
            assert connection.execute(select(audit_entry)).all() == []
        with database.worker.dispatch() as connection:
            assert connection.execute(select(audit_head.c.org_id)).scalars().all() == [other]

    def test_it_names_the_transactions_own_organisation(self, chain: Chain) -> None:
        chain.append()
        chain.tamper("DELETE FROM organisation WHERE id = :org")
        with (
            pytest.raises(DBAPIError, match="not the organisation of the transaction"),
            chain.database.organisation(uuid4()) as connection,
        ):
            connection.execute(select(func.audit_erase(chain.org_id)))

    def test_the_platforms_own_chain_is_never_erased(self, database: Database) -> None:
        """Though no organisation has its id."""
        with database.worker.organisation(PLATFORM) as connection:
            record(connection, SYSTEM, Action.KEYS_ROTATED, "key", "k")
        with pytest.raises(DBAPIError, match="not the organisation"):
            _erase(database.worker, PLATFORM)

    def test_the_application_cannot_erase(self, chain: Chain, database: Database, tenant: Tenant) -> None:
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            database.app.acting_as(tenant.principal) as connection,
        ):
            connection.execute(select(func.audit_erase(chain.org_id)))


def _erase(database: WorkerDatabase, org_id: object) -> None:
    with database.organisation(org_id) as connection:
        connection.execute(select(func.audit_erase(org_id)))


def test_the_application_records_in_the_transaction_of_the_act(database: Database, tenant: Tenant) -> None:
    """With the rights of a person's request."""
    app: AppDatabase = database.app
    with app.acting_as(tenant.principal) as connection:
        assert record(connection, ALICE, Action.CONNECTION_SYNC_REQUESTED, "connection", "c") == 1
        assert connection.execute(select(audit_entry.c.action)).scalar_one() == "connection.sync_requested"
