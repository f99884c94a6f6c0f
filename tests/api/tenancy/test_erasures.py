"""Who may have what erased through the API, what is refused, and what is gone from that moment on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, update

from resources.organisations import issue_api_key
from resources.schema import audit_entry, erasure_receipt, job, membership, organisation
from resources.tenancy import Role
from tests.api.conftest import Caller, colleague_of
from tests.api.seed import QUOTE, seed_connection, seed_content
from tests.conftest import Database, Tenant


@pytest.fixture
def firm(newcomer: Callable[[], Caller]) -> Caller:
    """The owner of an organisation of the test's own."""
    return newcomer()


@pytest.fixture
def joins(api_database: Database, firm: Caller) -> Callable[[Role], Caller]:
    """Makes members of it."""
    return lambda role: Caller(firm.http, colleague_of(api_database, firm.tenant, role))


def _source(database: Database, who: Caller, name: str, *, private: bool = False) -> UUID:
    return seed_connection(database, who.tenant, name, private=private)


def _delete(who: Caller, source: UUID) -> Any:
    return who("DELETE", f"/api/v1/connections/{source}")


def _hold(owner: Caller, source: UUID | None = None) -> str:
    body = {"reason": "Morel v. Dubois", "connection_id": source and str(source)}
    answer = owner("POST", "/api/v1/holds", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


class TestSources:
    def test_it_is_gone_for_everybody_at_once(
        self, firm: Caller, joins: Callable[[Role], Caller], api_database: Database
    ) -> None:
        """Not listed, not found, not synced; and its name is in no answer."""
        member, source = joins(Role.MEMBER), _source(api_database, firm, "Old ledger")
        assert str(source) in member("GET", "/api/v1/connections").text
        answer = _delete(firm, source)
        assert (answer.status_code, answer.json()["kind"]) == (202, "erase_source")
        for who in (firm, member):
            assert "Old ledger" not in who("GET", "/api/v1/connections").text
            assert who("GET", f"/api/v1/connections/{source}").status_code == 404
            assert who("POST", f"/api/v1/connections/{source}/sync").status_code == 404
            assert _delete(who, source).status_code == 404

    def test_what_it_brought_is_found_no_more(
        self, firm: Caller, joins: Callable[[Role], Caller], api_database: Database
    ) -> None:
        """From the answer on, before anything of it is erased: by its owner as little as by colleagues."""
        member, source = joins(Role.MEMBER), _source(api_database, firm, "Old ledger")
        seeded = seed_content(api_database, firm.tenant, source)
        paths = (f"items/{seeded.item_id}", f"documents/{seeded.document_id}", f"objects/{seeded.object_id}")

        def reads(who: Caller) -> set[bool]:
            found = who("POST", "/api/v1/find", json={"query": QUOTE}).json()["results"]
            listed = who("GET", "/api/v1/items").json()["items"]
            each = {who("GET", f"/api/v1/{path}").status_code == 200 for path in paths}
            return {bool(found), bool(listed)} | each

        assert reads(firm) == reads(member) == {True}
        assert _delete(firm, source).status_code == 202
        assert reads(firm) == reads(member) == {False}

    def test_its_job_is_its_requesters_alone(
        self, firm: Caller, joins: Callable[[Role], Caller], api_database: Database
    ) -> None:
        member = joins(Role.MEMBER)
        job_id = _delete(member, _source(api_database, member, "Mine", private=True)).json()["id"]
        assert member("GET", f"/api/v1/jobs/{job_id}").status_code == 200
        assert firm("GET", f"/api/v1/jobs/{job_id}").status_code == 404

    def test_a_colleagues_shared_one_takes_an_administrator(
        self, firm: Caller, joins: Callable[[Role], Caller], api_database: Database
    ) -> None:
        mine, theirs = joins(Role.MEMBER), joins(Role.MEMBER)
        source, other = (_source(api_database, mine, name) for name in ("One", "Two"))
        refused = _delete(theirs, source)
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
        assert _delete(joins(Role.ADMIN), source).status_code == 202
        assert _delete(mine, other).status_code == 202

    def test_a_colleagues_private_one_does_not_exist(
        self, firm: Caller, joins: Callable[[Role], Caller], api_database: Database
    ) -> None:
        """For an owner of the organisation neither."""
        source = _source(api_database, joins(Role.MEMBER), "Mine", private=True)
        missing = _delete(firm, uuid4())
        theirs = _delete(firm, source)
        assert theirs.status_code == missing.status_code == 404
        assert theirs.json()["detail"] == missing.json()["detail"]

    @pytest.mark.parametrize("whole", [False, True], ids=["the source", "everything"])
    def test_a_hold_forbids_it_and_says_who_to_ask(
        self, firm: Caller, api_database: Database, whole: bool
    ) -> None:
        source = _source(api_database, firm, "Held")
        hold_id = _hold(firm, None if whole else source)
        refused = _delete(firm, source)
        assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
        assert "Owner" in refused.json()["remedy"]
        assert firm("POST", f"/api/v1/holds/{hold_id}/release").status_code == 200
        assert _delete(firm, source).status_code == 202

    def test_the_log_tells_of_a_private_one_no_more_than_its_id(
        self, firm: Caller, api_database: Database
    ) -> None:
        source = _source(api_database, firm, "Affair Dubois", private=True)
        _delete(firm, source)
        with api_database.worker.organisation(firm.tenant.principal.org_id) as session:
            entry = session.execute(
                select(audit_entry).where(audit_entry.c.action == "connection.deleted")
            ).one()
        assert entry.subject_id == str(source)
        assert "Dubois" not in str(entry.after)


class TestPeople:
    def _erase(self, who: Caller, user_id: UUID) -> Any:
        return who("POST", f"/api/v1/members/{user_id}/erasure")

    def test_they_are_out_at_once(self, firm: Caller, joins: Callable[[Role], Caller]) -> None:
        member = joins(Role.MEMBER)
        assert member("GET", "/api/v1/connections").status_code == 200
        answer = self._erase(firm, member.tenant.principal.user_id)
        assert (answer.status_code, answer.json()["kind"]) == (202, "erase_person")
        assert member("GET", "/api/v1/connections").status_code == 401

    def test_what_went_at_once_is_told_to_the_receipt(
        self, firm: Caller, joins: Callable[[Role], Caller], api_database: Database
    ) -> None:
        """Their membership and their keys here, which go with it."""
        member = joins(Role.MEMBER)
        issue_api_key(api_database.worker, member.tenant.principal, "script")
        job_id = self._erase(firm, member.tenant.principal.user_id).json()["id"]
        with api_database.worker.dispatch() as session:
            arguments = session.execute(select(job.c.arguments).where(job.c.id == job_id)).scalar_one()
        assert arguments["gone"] == {"membership": 1, "keys": 2}

    def test_only_an_owner_may(self, firm: Caller, joins: Callable[[Role], Caller]) -> None:
        member = joins(Role.MEMBER)
        for role in (Role.VIEWER, Role.MEMBER, Role.ADMIN):
            refused = self._erase(joins(role), member.tenant.principal.user_id)
            assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")

    def test_who_is_no_member_is_not_found(self, firm: Caller, other: Caller) -> None:
        """Somebody of another organisation as little as nobody at all."""
        for user_id in (other.tenant.principal.user_id, uuid4()):
            assert self._erase(firm, user_id).status_code == 404

    def test_one_that_a_hold_stopped_can_be_asked_for_again(
        self, firm: Caller, joins: Callable[[Role], Caller], api_database: Database
    ) -> None:
        """Though the person is no member any more."""
        user_id = joins(Role.MEMBER).tenant.principal.user_id
        job_id = self._erase(firm, user_id).json()["id"]
        assert self._erase(firm, user_id).status_code == 404
        receipt = {"org_id": firm.tenant.principal.org_id, "kind": "person", "subject_id": user_id}
        with api_database.worker.organisation(receipt["org_id"]) as session:
            session.execute(insert(erasure_receipt).values(**receipt, id=job_id))
        assert self._erase(firm, user_id).status_code == 202

    def test_nobody_erases_themselves(self, firm: Caller) -> None:
        """So that there is always an owner left, who can be asked."""
        refused = self._erase(firm, firm.tenant.principal.user_id)
        assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")

    def test_of_two_owners_who_erase_each_other_one_is_left(
        self, firm: Caller, joins: Callable[[Role], Caller], api_database: Database
    ) -> None:
        second = joins(Role.OWNER)
        pairs = [(firm, second), (second, firm)]
        barrier, statuses = threading.Barrier(2), []

        def erase(who: Caller, whom: Caller) -> None:
            barrier.wait()
            statuses.append(self._erase(who, whom.tenant.principal.user_id).status_code)

        threads = [threading.Thread(target=erase, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        first, second_status = sorted(statuses)
        assert first == 202
        assert second_status in {401, 409}
        with api_database.worker.organisation(firm.tenant.principal.org_id) as session:
            owners = session.execute(select(membership).where(membership.c.role == "OWNER")).all()
        assert len(owners) == 1

    def test_a_hold_on_a_private_source_of_theirs_forbids_it(
        self, firm: Caller, joins: Callable[[Role], Caller], api_database: Database
    ) -> None:
        """The asker sees neither the source nor that there is one; only that a hold stands."""
        second = joins(Role.OWNER)
        hold_id = _hold(second, _source(api_database, second, "Mine", private=True))
        refused = self._erase(firm, second.tenant.principal.user_id)
        assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
        assert firm("POST", f"/api/v1/holds/{hold_id}/release").status_code == 200
        assert self._erase(firm, second.tenant.principal.user_id).status_code == 202


class TestOrganisations:
    PATH = "/api/v1/organisation/erasure"

    def _name(self, database: Database, tenant: Tenant) -> str:
        with database.worker.dispatch() as session:
            query = select(organisation.c.name).where(organisation.c.id == tenant.principal.org_id)
            return session.execute(query).scalar_one()

    def _schedule(self, who: Caller, database: Database) -> Any:
        return who("POST", self.PATH, json={"name": self._name(database, who.tenant)})

    def test_it_waits_for_its_days_of_grace(self, firm: Caller, api_database: Database) -> None:
        assert firm("GET", self.PATH).json() == {"begins_at": None, "requested_by": None, "job_id": None}
        answer = self._schedule(firm, api_database)
        assert answer.status_code == 202, answer.text
        begins = datetime.fromisoformat(answer.json()["begins_at"])
        assert timedelta(days=6, hours=23) < begins - datetime.now(UTC) < timedelta(days=7, hours=1)
        assert firm("GET", self.PATH).json() == answer.json()
        assert self._schedule(firm, api_database).status_code == 409
        assert firm("GET", "/api/v1/connections").status_code == 200, "until then it is as it was"

    def test_another_owner_calls_it_off(
        self, firm: Caller, joins: Callable[[Role], Caller], api_database: Database
    ) -> None:
        """And it can be asked for again."""
        second, admin = joins(Role.OWNER), joins(Role.ADMIN)
        job_id = self._schedule(firm, api_database).json()["job_id"]
        assert admin("DELETE", self.PATH).status_code == 403
        assert second("DELETE", self.PATH).json()["job_id"] is None
        assert second("DELETE", self.PATH).status_code == 409
        with api_database.worker.dispatch() as session:
            row = session.execute(select(job.c.status).where(job.c.id == job_id)).one()
        assert row.status == "cancelled"
        assert self._schedule(second, api_database).json()["job_id"] == job_id

    def test_the_name_has_to_be_right(self, firm: Caller, api_database: Database) -> None:
        for name in ("", "Newcomer", self._name(api_database, firm.tenant).upper()):
            refused = firm("POST", self.PATH, json={"name": name})
            assert (refused.status_code, refused.json()["code"]) == (422, "VALIDATION_ERROR")

    def test_any_hold_forbids_it(self, firm: Caller, api_database: Database) -> None:
        hold_id = _hold(firm, _source(api_database, firm, "Held"))
        assert self._schedule(firm, api_database).status_code == 409
        assert firm("POST", f"/api/v1/holds/{hold_id}/release").status_code == 200
        assert self._schedule(firm, api_database).status_code == 202

    def test_what_has_begun_cannot_be_called_off(self, firm: Caller, api_database: Database) -> None:
        job_id = self._schedule(firm, api_database).json()["job_id"]
        with api_database.worker.dispatch() as session:
            session.execute(update(job).where(job.c.id == job_id).values(status="running"))
        assert firm("DELETE", self.PATH).status_code == 409


class TestHolds:
    def test_only_who_manages_policies_places_and_sees_them(
        self, firm: Caller, joins: Callable[[Role], Caller]
    ) -> None:
        _hold(firm)
        for role in (Role.VIEWER, Role.MEMBER, Role.ADMIN):
            who = joins(role)
            assert who("POST", "/api/v1/holds", json={"reason": "x"}).status_code == 403
            assert who("GET", "/api/v1/holds").status_code == 403

    def test_a_source_that_one_cannot_see_cannot_be_held(
        self,
        firm: Caller,
        newcomer: Callable[[], Caller],
        joins: Callable[[Role], Caller],
        api_database: Database,
    ) -> None:
        """A colleague's private one answers as another organisation's and as none."""
        private = _source(api_database, joins(Role.MEMBER), "Mine", private=True)
        foreign = _source(api_database, newcomer(), "Foreign")
        answers = [
            firm("POST", "/api/v1/holds", json={"reason": "x", "connection_id": str(one)})
            for one in (private, foreign, uuid4())
        ]
        assert {answer.status_code for answer in answers} == {422}
        assert len({answer.json()["detail"] for answer in answers}) == 1

    def test_it_is_released_once(self, firm: Caller) -> None:
        hold_id = _hold(firm)
        released = firm("POST", f"/api/v1/holds/{hold_id}/release").json()
        assert released["released_by"] == str(firm.tenant.principal.user_id)
        assert firm("POST", f"/api/v1/holds/{hold_id}/release").status_code == 409
        assert firm("POST", f"/api/v1/holds/{uuid4()}/release").status_code == 404
