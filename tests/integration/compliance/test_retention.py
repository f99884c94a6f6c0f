"""What is older than the policy keeps it goes, does not come back, and leaves a receipt; the rest stays."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, text, update

from drovi_assets.chores.periodic import PERIODIC
from resources import schedules
from resources.records import KINDS
from resources.schema import connection as connection_table
from resources.schema import legal_hold, organisation, organisation_policy, source_item
from tests.integration.compliance.conftest import CANARY, LETTER, Firm, write


def _keep(firm: Firm, **days: int) -> None:
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(text("DELETE FROM organisation_policy WHERE org_id = :id"), {"id": firm.org_id})
        session.execute(insert(organisation_policy).values(org_id=firm.org_id, retention_days=days))


def _age(firm: Firm, connection_id: UUID, days: int) -> None:
    """As if its files had been written that long ago."""
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            update(source_item)
            .where(source_item.c.connection_id == connection_id)
            .values(occurred_at=datetime.now(UTC) - timedelta(days=days))
        )


def _entries(firm: Firm) -> list[tuple[str, str]]:
    """The audit log of the organisation, oldest first."""
    rows = firm.query(text("SELECT action, actor_kind FROM audit_entry ORDER BY sequence"))
    return [tuple(row) for row in rows]


def _apply(firm: Firm) -> UUID:
    job_id = firm.ask("retention")
    firm.work()
    assert firm.job(job_id).status == "succeeded", firm.job(job_id).error_message
    return job_id


def test_what_is_too_old_goes_with_everything_derived(firm: Firm, neighbour: Firm) -> None:
    old = firm.source(firm.tenant, private=False, name="alt")
    young = firm.source(firm.tenant, private=False, name="jung", text="Le bail commence en janvier.")
    _age(firm, old, 40)
    _age(firm, young, 20)
    _keep(firm, document=30)
    theirs = [row for row in firm.everything.tables()["document"] if str(neighbour.org_id) in row]
    before = _entries(firm)
    job_id = _apply(firm)
    assert firm.everything.mentions(CANARY) == {}
    assert firm.everything.files_with(CANARY) == []
    assert [row.path for row in firm.query(text("SELECT path FROM document"))] == ["jung.txt"]
    assert [row for row in firm.everything.tables()["document"] if str(neighbour.org_id) in row] == theirs
    (receipt,) = firm.receipts()
    assert (receipt.id, receipt.kind, receipt.subject_id) == (job_id, "retention", firm.org_id)
    assert receipt.counts.items() >= {"items": 1, "documents": 1, "files": 1}.items()
    assert _entries(firm) == [*before, ("retention.applied", "system")]


def test_a_kind_that_is_not_named_is_kept(firm: Firm) -> None:
    """And nothing to remove leaves neither receipt nor entry."""
    old = firm.source(firm.tenant, private=False, name="alt")
    _age(firm, old, 4000)
    _keep(firm, **{kind: 1 for kind in KINDS if kind != "document"})
    before = _entries(firm)
    _apply(firm)
    assert firm.everything.mentions(CANARY)
    assert firm.receipts() == []
    assert _entries(firm) == before


def test_it_does_not_come_back_with_the_next_sync(firm: Firm) -> None:
    """Read from the very beginning even, it stays away; edited at its source, it is new."""
    old = firm.source(firm.tenant, private=False, name="alt")
    _age(firm, old, 40)
    _keep(firm, document=30)
    _apply(firm)
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(text("DELETE FROM stream_cursor"))
    firm.ingest(old)
    assert firm.everything.mentions(CANARY) == {}
    file = firm.home / "alt" / "alt.txt"
    write(file, LETTER + " Modifié.")
    os.utime(file)
    firm.ingest(old)
    assert firm.everything.mentions(CANARY)


def test_what_is_held_is_left_out_and_said(firm: Firm) -> None:
    held = firm.source(firm.tenant, private=False, name="gehalten")
    other = firm.source(firm.tenant, private=False, name="frei", text="Le bail commence en janvier.")
    for one in (held, other):
        _age(firm, one, 40)
    _keep(firm, document=30)
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            insert(legal_hold).values(
                org_id=firm.org_id, connection_id=held, reason="x", placed_by=firm.owner_id
            )
        )
    job_id = _apply(firm)
    assert [row.path for row in firm.query(text("SELECT path FROM document"))] == ["gehalten.txt"]
    assert firm.job(job_id).result["held"] == 1


def test_an_older_version_goes_by_itself(firm: Firm) -> None:
    """The item is current; only what it said long ago is too old."""
    source = firm.source(firm.tenant, private=False, name="datei")
    _age(firm, source, 40)
    write(firm.home / "datei" / "datei.txt", "Le bail commence en janvier.")
    firm.ingest(source)
    assert firm.query(text("SELECT count(*) FROM source_item")) == [(2,)]
    _keep(firm, document=30)
    _apply(firm)
    assert firm.everything.mentions(CANARY) == {}
    assert [row.path for row in firm.query(text("SELECT path FROM document"))] == ["datei.txt"]
    assert firm.query(text("SELECT 1 FROM tombstone")) == []


def test_it_is_asked_for_once_a_day_where_a_policy_names_days(firm: Firm, neighbour: Firm) -> None:
    """Not for an organisation that keeps everything, nor for one that lets nobody in."""

    def asked() -> int:
        with firm.database.worker.dispatch() as session:
            return schedules.reconcile(session, {"retention": PERIODIC["retention"]}).asked

    assert asked() == 0
    _keep(firm, document=30)
    assert [asked() for _ in range(3)] == [1, 0, 0]
    _keep(neighbour, document=30)
    with firm.database.worker.dispatch() as session:
        session.execute(
            update(organisation).where(organisation.c.id == neighbour.org_id).values(status="suspended")
        )
    assert asked() == 0


def test_many_items_go_in_steps_that_add_up(firm: Firm, monkeypatch) -> None:
    monkeypatch.setattr("drovi_assets.chores.retention.BATCH", 2)
    letters = {str(number): f"La pièce {number} {CANARY} est jointe." for number in range(7)}
    old = firm.source(firm.tenant, private=False, name="viel", files=letters)
    _age(firm, old, 40)
    _keep(firm, document=30)
    _apply(firm)
    (receipt,) = firm.receipts()
    assert receipt.counts["items"] == receipt.counts["files"] == 7
    assert firm.everything.mentions(CANARY) == {}


def test_one_that_is_being_erased_is_left_to_its_erasure(firm: Firm) -> None:
    gone = firm.source(firm.tenant, private=False, name="parti")
    _age(firm, gone, 40)
    _keep(firm, document=30)
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(update(connection_table).values(status="erasing"))
    _apply(firm)
    assert firm.receipts() == []
