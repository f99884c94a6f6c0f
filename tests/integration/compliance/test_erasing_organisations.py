"""An erased organisation leaves its receipt in the platform's chain, and no row, file or vector anywhere."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import insert, select, text

from resources import audit
from resources.audit import Action, verify
from resources.schema import erasure_receipt, export, legal_hold
from tests.integration.compliance.conftest import CANARY, Firm

NAME = "Cabinet Morel"


def _schedule(firm: Firm) -> UUID:
    return firm.ask("erase_organisation", requested_by=str(firm.owner_id))


def _of(rows: list[str], firm: Firm) -> list[str]:
    return [row for row in rows if str(firm.org_id) in row]


def test_nothing_is_left_in_any_table_or_object(firm: Firm, neighbour: Firm) -> None:
    """Of private and shared content alike; the neighbour's rows are what they were, to the byte."""
    person = firm.person("Zinnia")
    firm.source(firm.tenant, private=False, name="partage")
    firm.source(person, private=True, name="prive", text=f"Le bail {CANARY} commence en janvier.")
    with firm.database.worker.organisation(firm.org_id) as session:
        audit.record(session, audit.SYSTEM, Action.CONNECTION_CREATED, "connection", "x")
        export_id = session.execute(
            insert(export)
            .values(
                org_id=firm.org_id,
                user_id=firm.owner_id,
                job_id=UUID(int=1),
                expires_at=text("now() + interval '7 days'"),
            )
            .returning(export.c.id)
        ).scalar_one()
    part = firm.runtime.objects.put(f"export-{export_id}", CANARY.encode())
    audit.anchor(firm.database.worker, firm.runtime.objects)
    orphan = firm.runtime.objects.put(str(firm.org_id), b"what a killed writer left")
    theirs = {name: _of(rows, neighbour) for name, rows in firm.everything.tables().items()}

    _schedule(firm)
    firm.work()

    assert firm.everything.mentions(CANARY) == {}
    assert firm.everything.files_with(CANARY) == []
    assert firm.everything.files_with(str(firm.org_id)) == []
    assert not firm.runtime.objects.exists(str(firm.org_id), orphan)
    assert not firm.runtime.objects.exists(f"export-{export_id}", part)
    assert firm.everything.mentions(NAME) == {}
    # The receipt and its entry, both the platform's, name the organisation by its id.
    assert firm.everything.mentions(str(firm.org_id)) == {"audit_entry": 1, "erasure_receipt": 1}
    assert {name: _of(rows, neighbour) for name, rows in firm.everything.tables().items()} == theirs


def test_its_receipt_is_the_platforms(firm: Firm) -> None:
    firm.source(firm.tenant, private=False, name="partage")
    job_id = _schedule(firm)
    firm.work()
    assert firm.receipts() == []
    with firm.database.worker.organisation(audit.PLATFORM) as session:
        receipt = session.execute(select(erasure_receipt)).one()
    assert (receipt.id, receipt.kind, receipt.subject_id) == (job_id, "organisation", firm.org_id)
    assert receipt.requested_by == firm.owner_id
    assert receipt.finished_at is not None
    assert receipt.counts.items() >= {"items": 1, "membership": 1, "connection": 2, "files": 1}.items()
    with firm.database.worker.organisation(audit.PLATFORM) as session:
        (entry,) = audit.newest(session, audit.PLATFORM, 10)
    assert (entry.action, entry.subject_id) == ("organisation.deleted", str(firm.org_id))
    assert verify(firm.database.worker, firm.runtime.objects, audit.PLATFORM).problems == ()


def test_nobody_is_let_in_while_it_goes_on(firm: Firm) -> None:
    """From the first step, which is far from the last."""
    firm.source(firm.tenant, private=False, name="partage")
    _schedule(firm)
    firm.step()
    ((status,),) = firm.query(text("SELECT status FROM organisation WHERE id = :id"), id=firm.org_id)
    assert status == "erasing"


def test_a_hold_keeps_everything(firm: Firm) -> None:
    """A hold that was placed in the days of grace: the job says so, and the organisation goes on."""
    shared = firm.source(firm.tenant, private=False, name="partage")
    job_id = _schedule(firm)
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            insert(legal_hold).values(
                org_id=firm.org_id, connection_id=shared, reason="x", placed_by=firm.owner_id
            )
        )
    before = firm.everything.mentions(CANARY)
    firm.work()
    assert firm.job(job_id).error_code == "CONFLICT"
    assert firm.everything.mentions(CANARY) == before
    ((status,),) = firm.query(text("SELECT status FROM organisation WHERE id = :id"), id=firm.org_id)
    assert status == "active"


def test_its_people_keep_their_accounts(firm: Firm) -> None:
    """They are theirs: what they are members of besides, and where they may sign in, is not the organisation's."""
    _schedule(firm)
    firm.work()
    with firm.database.worker.dispatch() as session:
        names = session.execute(text("SELECT name FROM app_user")).scalars().all()
    assert names == ["Owner"]
