"""A person's erasure takes what was theirs, leaves what is the organisation's, and ends the account that nothing else needs."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete, insert, select, text

from resources import audiences
from resources.database import enter
from resources.identity import sessions
from resources.identity.sessions import Device
from resources.organisations import issue_api_key
from resources.schema import api_key, app_user, invitation, legal_hold, membership, user_session
from resources.tenancy import Role
from tests.conftest import Tenant
from tests.integration.compliance.conftest import CANARY, Firm

NAME = "Zinnia"
WHAT_REMAINS = {"audit_entry", "erasure_receipt", "job"}


def _at_work(firm: Firm) -> tuple[Tenant, UUID, UUID]:
    """Somebody with a private source, a shared one, a key, a session, an invitation and a job."""
    person = firm.person(NAME)
    private = firm.source(person, private=True, name="prive")
    shared = firm.source(person, private=False, name="partage", text="Le bail commence en janvier.")
    issue_api_key(firm.database.worker, person.principal, "script")
    with firm.database.identity.transaction() as session:
        sessions.start(session, person.principal.user_id, firm.org_id, Device("203.0.113.9", "Browser"))
        session.execute(
            text("INSERT INTO user_credential (user_id, password_hash) VALUES (:id, 'x')"),
            {"id": person.principal.user_id},
        )
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            insert(invitation).values(
                org_id=firm.org_id,
                email=f"{NAME.lower()}@firm.example",
                role="MEMBER",
                token_hash=b"t" * 32,
                expires_at=text("now() + interval '1 day'"),
                invited_by=firm.owner_id,
            )
        )
        audiences.of_source(
            session, firm.org_id, shared, [f"{NAME.lower()}@firm.example", "basil@firm.example"]
        )
    firm.ask("export", by=person.principal.user_id, export_id=str(UUID(int=9)), link="")
    return person, private, shared


def _erase(firm: Firm, person: Tenant) -> UUID:
    job_id = firm.ask("erase_person", by=firm.owner_id, user_id=str(person.principal.user_id))
    firm.work()
    assert firm.job(job_id).status == "succeeded", firm.job(job_id).error_message
    return job_id


def test_nothing_of_the_person_is_left(firm: Firm, neighbour: Firm) -> None:
    """Not their private content in any table or object, nor their name, address or id but where it is accounted for.

    The audit log keeps the address that an entry of theirs was written with, and nothing else of it.
    """
    person, private, _ = _at_work(firm)
    theirs = {
        name: [row for row in rows if str(neighbour.org_id) in row]
        for name, rows in firm.everything.tables().items()
    }
    _erase(firm, person)
    assert firm.everything.mentions(CANARY) == {}
    assert firm.everything.files_with(CANARY) == []
    assert firm.everything.mentions(str(private)).keys() <= WHAT_REMAINS
    assert firm.everything.mentions(NAME) == {}
    assert firm.everything.mentions(NAME.lower()).keys() == {"audit_entry"}
    kept = text("SELECT replace(e::text, e.actor_label, '') FROM audit_entry e WHERE actor_id = :id")
    own = [row for (row,) in firm.query(kept, id=str(person.principal.user_id))]
    assert len(own) == firm.everything.mentions(NAME.lower())["audit_entry"]
    assert not [row for row in own if NAME.lower() in row.lower()]
    assert firm.everything.mentions(str(person.principal.user_id)).keys() <= WHAT_REMAINS
    now = firm.everything.tables()
    assert {name: [row for row in now[name] if str(neighbour.org_id) in row] for name in now} == theirs


def test_shared_sources_go_over_to_who_asks(firm: Firm) -> None:
    """With all that they brought: it is the organisation's."""
    person, _, shared = _at_work(firm)
    before = firm.everything.mentions("bail commence")
    _erase(firm, person)
    ((owner_id,),) = firm.query(text("SELECT owner_id FROM connection WHERE id = :id"), id=shared)
    assert owner_id == firm.owner_id
    assert firm.everything.mentions("bail commence") == before


def test_the_receipt_says_what_went(firm: Firm) -> None:
    person, _, _ = _at_work(firm)
    job_id = _erase(firm, person)
    (receipt,) = firm.receipts()
    assert (receipt.id, receipt.kind, receipt.subject_id) == (job_id, "person", person.principal.user_id)
    expected = {"connection": 1, "sources_handed_over": 1, "keys": 1, "session": 1, "invitation": 1}
    expected |= {"reader_set_member": 1}
    assert receipt.counts.items() >= (expected | {"membership": 1, "app_user": 1, "items": 1}).items()


def test_what_went_when_it_was_asked_for_is_on_the_receipt(firm: Firm) -> None:
    """The API ends the membership itself, and its keys with it."""
    person = firm.person(NAME)
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(delete(membership).where(membership.c.user_id == person.principal.user_id))
    gone = {"membership": 1, "keys": 2, "nothing": 0}
    firm.ask("erase_person", by=firm.owner_id, user_id=str(person.principal.user_id), gone=gone)
    firm.work()
    (receipt,) = firm.receipts()
    assert receipt.counts.items() >= {"membership": 1, "keys": 2, "app_user": 1}.items()
    assert "nothing" not in receipt.counts


def test_an_account_that_is_needed_elsewhere_stays(firm: Firm, neighbour: Firm) -> None:
    """As it was there: its role, key and session in the other organisation too."""
    person, _, _ = _at_work(firm)
    user_id = person.principal.user_id
    with firm.database.worker.organisation(neighbour.org_id) as session:
        session.execute(
            insert(membership).values(org_id=neighbour.org_id, user_id=user_id, role=Role.ADMIN.value)
        )
    with firm.database.identity.transaction() as session:
        sessions.start(session, user_id, neighbour.org_id, Device("203.0.113.9", "Browser"))
    _erase(firm, person)
    with firm.database.identity.transaction() as session:
        assert session.execute(select(app_user.c.name).where(app_user.c.id == user_id)).scalar_one() == NAME
        found = session.execute(select(user_session.c.org_id).where(user_session.c.user_id == user_id))
        assert found.scalars().all() == [neighbour.org_id]
        kept = session.execute(select(membership.c.org_id).where(membership.c.user_id == user_id))
        assert kept.scalars().all() == [neighbour.org_id]
        assert not session.execute(select(api_key.c.id).where(api_key.c.user_id == user_id)).all()
    assert "app_user" not in firm.receipts()[0].counts


def test_who_comes_back_is_taken_for_nobody_who_was_there_before(firm: Firm, neighbour: Firm) -> None:
    """What a provider had let them read stays closed to them: they are in no audience of old."""
    person = firm.person(NAME)
    colleague = firm.person("Basil")
    ids = [person.principal.user_id, colleague.principal.user_id]
    with firm.database.worker.organisation(neighbour.org_id) as session:
        session.execute(
            insert(membership).values(org_id=neighbour.org_id, user_id=ids[0], role=Role.VIEWER.value)
        )
    with firm.database.worker.organisation(firm.org_id) as session:
        before = audiences.of_members(session, firm.org_id, ids)
    _erase(firm, person)
    with firm.database.worker.organisation(firm.org_id) as session:
        assert session.execute(
            text("SELECT user_id FROM audience_member WHERE audience_id = :id"), {"id": before}
        ).scalars().all() == [ids[1]]
        assert audiences.of_members(session, firm.org_id, ids) != before
        assert audiences.of_members(session, firm.org_id, ids[:1]) not in person.principal.audiences


def test_what_a_provider_lets_them_read_when_they_come_back_is_theirs_again(firm: Firm) -> None:
    """The set of before has lost its name; the same readers, named anew, are another one."""
    person = firm.person(NAME)
    source = firm.source(firm.tenant, private=False, name="partage")
    readers = [f"{NAME.lower()}@firm.example", "basil@firm.example"]
    with firm.database.worker.organisation(firm.org_id) as session:
        before = audiences.of_source(session, firm.org_id, source, readers)
    _erase(firm, person)
    addresses = text(
        "SELECT r.email FROM reader_set_member r JOIN audience a ON a.reader_set_id = r.reader_set_id"
        " WHERE a.id = :id ORDER BY 1"
    )
    with firm.database.worker.organisation(firm.org_id) as session:
        assert session.execute(addresses, {"id": before}).scalars().all() == readers[1:]
        after = audiences.of_source(session, firm.org_id, source, readers)
        assert after != before
        assert session.execute(addresses, {"id": after}).scalars().all() == sorted(readers)


def test_the_last_owner_is_not_erased(firm: Firm) -> None:
    """Whoever asked, and whatever became of the other owners since."""
    job_id = firm.ask("erase_person", by=None, user_id=str(firm.owner_id))
    firm.work()
    row = firm.job(job_id)
    assert (row.status, row.error_code) == ("failed", "CONFLICT")
    assert "Make somebody else an owner first." in row.error_message
    assert firm.query(select(membership.c.role)) == [(Role.OWNER.value,)]
    heir = firm.person(NAME, Role.OWNER)
    job_id = firm.ask("erase_person", by=heir.principal.user_id, user_id=str(firm.owner_id))
    firm.work()
    assert firm.job(job_id).status == "succeeded"
    assert firm.query(select(membership.c.user_id)) == [(heir.principal.user_id,)]


def test_a_hold_on_a_private_source_keeps_all_of_it(firm: Firm) -> None:
    """The erasure is refused before it begins, and says what to do."""
    person = firm.person(NAME)
    private = firm.source(person, private=True, name="prive")
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            insert(legal_hold).values(
                org_id=firm.org_id, connection_id=private, reason="x", placed_by=person.principal.user_id
            )
        )
    before = firm.everything.mentions(CANARY)
    job_id = firm.ask("erase_person", by=firm.owner_id, user_id=str(person.principal.user_id))
    firm.work()
    row = firm.job(job_id)
    assert (row.status, row.error_code) == ("failed", "CONFLICT")
    assert row.error_message.startswith(f"A legal hold stands on it. Ask {NAME} to release")
    assert firm.everything.mentions(CANARY) == before
    (receipt,) = firm.receipts()
    assert (receipt.subject_id, receipt.finished_at) == (person.principal.user_id, None)


def test_sessions_are_taken_from_those_alone_who_are_no_members(firm: Firm) -> None:
    """Background work cannot end a member's session, in its own organisation or in another."""
    with firm.database.identity.transaction() as session:
        sessions.start(session, firm.owner_id, firm.org_id, Device("203.0.113.9", "Browser"))
    with firm.database.worker.dispatch() as session:
        for org_id in (firm.org_id, UUID(int=5)):
            enter(session, org_id)
            count = session.execute(text("SELECT erase_sessions(:id)"), {"id": firm.owner_id}).scalar_one()
            assert count == 0
    with firm.database.identity.transaction() as session:
        assert len(sessions.of_user(session, firm.owner_id)) == 1
