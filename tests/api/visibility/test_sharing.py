"""Sharing a source and taking it back: its owner's act alone, audited, and felt by the very next request."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, select, text, update

from drovi_api.runtime import ApiRuntime
from resources.identity import people
from resources.organisations import issue_api_key
from resources.schema import app_user, membership, source_item
from resources.tenancy import Role
from tests.api.auth.conftest import Letters
from tests.api.conftest import Caller
from tests.api.seed import Seeded, seed_connection, seed_content
from tests.api.visibility.conftest import Firm, prove_address
from tests.conftest import Tenant


def reads(caller: Caller, seeded: Seeded) -> set[bool]:
    """Whether the caller reads each row that was derived from an item, by every way there is to one."""
    found = caller("POST", "/api/v1/find", json={"query": "audited accounts", "limit": 50}).json()["results"]
    listed = caller("GET", "/api/v1/items", params={"limit": 200}).json()["items"]
    objects = caller("GET", "/api/v1/objects", params={"limit": 200}).json()["items"]
    return {
        caller("GET", f"/api/v1/connections/{seeded.connection_id}").status_code == 200,
        caller("GET", f"/api/v1/items/{seeded.item_id}").status_code == 200,
        caller("GET", f"/api/v1/documents/{seeded.document_id}").status_code == 200,
        bool(caller("GET", f"/api/v1/documents/{seeded.document_id}/blocks").json().get("items")),
        caller("GET", f"/api/v1/objects/{seeded.object_id}").status_code == 200,
        caller("GET", f"/api/v1/evidence/{seeded.evidence_id}").status_code == 200,
        str(seeded.document_id) in {one["id"] for one in found},
        str(seeded.item_id) in {one["id"] for one in listed},
        str(seeded.object_id) in {one["id"] for one in objects},
    }


def test_a_stranger_and_another_organisation_find_no_source(
    stranger: Caller, other: Caller, firm: Firm
) -> None:
    for verb, body in (("visibility", {"visibility": "ORG_SHARED"}), ("pause", None), ("resume", None)):
        path = f"/api/v1/connections/{firm.shared.connection_id}/{verb}"
        assert stranger("POST", path, json=body).status_code == 401
        assert other("POST", path, json=body).status_code == 404


@pytest.mark.parametrize("verb", ["visibility", "pause", "resume"])
def test_only_the_owner_of_a_source_decides_about_it(firm: Firm, verb: str) -> None:
    """Not the firm's owner either: a private one they do not even find, a shared one is not theirs."""
    body = {"visibility": "PRIVATE"} if verb == "visibility" else None
    for colleague, private, shared in (
        (firm.head, 404, 403),
        (firm.member, 404, 403),
        (firm.viewer, 403, 403),
    ):
        answers = [
            colleague("POST", f"/api/v1/connections/{one}/{verb}", json=body)
            for one in (firm.private.connection_id, uuid4(), firm.shared.connection_id)
        ]
        assert [one.status_code for one in answers] == [private, private, shared]
        for one in answers:
            assert "Private files" not in one.text
    assert firm.audited() == []


def test_what_is_shared_is_read_and_what_is_taken_back_is_not(firm: Firm) -> None:
    """By the next request, with every row derived from it; the owner reads it all the time."""
    for visibility, readable in (("ORG_SHARED", True), ("PRIVATE", False), ("ORG_SHARED", True)):
        assert {True} == reads(firm.owner, firm.private)
        answer = firm.set_visibility(firm.owner, firm.private.connection_id, visibility)
        assert (answer.status_code, answer.json()["visibility"]) == (200, visibility)
        for colleague in firm.colleagues:
            assert reads(colleague, firm.private) == {readable}
    assert {True} == reads(firm.owner, firm.private)


def test_what_lands_after_the_sharing_is_shared(firm: Firm) -> None:
    firm.set_visibility(firm.owner, firm.private.connection_id, "ORG_SHARED")
    later = seed_content(firm.database, firm.owner.tenant, firm.private.connection_id, "later.pdf")
    assert reads(firm.member, later) == {True}


def test_no_row_is_rewritten(firm: Firm) -> None:
    """So that it takes as long with a million rows: rows point at their source, which says whose they are."""
    query = select(source_item.c.audience_id, text("xmin::text")).where(
        source_item.c.connection_id == firm.private.connection_id
    )
    with firm.database.worker.organisation(firm.org_id) as session:
        before = session.execute(query).all()
    firm.set_visibility(firm.owner, firm.private.connection_id, "ORG_SHARED")
    with firm.database.worker.organisation(firm.org_id) as session:
        assert session.execute(query).all() == before


def test_sharing_is_audited_without_the_sources_name(firm: Firm) -> None:
    """The name of what is private again must not stand in the log; a repeat changes nothing and says nothing."""
    for visibility in ("ORG_SHARED", "ORG_SHARED", "PRIVATE"):
        firm.set_visibility(firm.owner, firm.private.connection_id, visibility)
    subject, actor = str(firm.private.connection_id), str(firm.owner.tenant.principal.user_id)
    private, shared = {"visibility": "PRIVATE"}, {"visibility": "ORG_SHARED"}
    assert firm.audited() == [
        ("connection.shared", subject, private, shared, actor),
        ("connection.made_private", subject, shared, private, actor),
    ]


def test_its_owner_gets_a_letter_when_a_source_is_shared(
    firm: Firm, api_database, runtime: ApiRuntime
) -> None:
    """So that nobody shares in their name without their knowing."""
    firm.set_visibility(firm.owner, firm.private.connection_id, "ORG_SHARED")
    with api_database.worker.dispatch() as session:
        email = session.execute(
            select(app_user.c.email).where(app_user.c.id == firm.owner.tenant.principal.user_id)
        ).scalar_one()
    (letter,) = Letters(api_database, runtime).to(email)
    assert letter.template == "source_shared"
    assert letter.values["source"] == "Private files"


def test_a_pause_holds_until_its_owner_ends_it(firm: Firm) -> None:
    path = f"/api/v1/connections/{firm.shared.connection_id}"
    paused = firm.owner("POST", f"{path}/pause").json()
    assert paused["status"] == "paused"
    assert firm.owner("POST", f"{path}/pause").json() == paused
    assert firm.owner("POST", f"{path}/sync").status_code == 409
    assert firm.owner("POST", f"{path}/resume").json()["status"] == "active"
    assert firm.owner("POST", f"{path}/resume").json()["status"] == "active"
    assert [entry[0] for entry in firm.audited()] == ["connection.paused", "connection.resumed"]


def test_what_waits_for_a_person_is_not_resumed(firm: Firm) -> None:
    """Resuming would hide what has to be done."""
    with firm.database.worker.dispatch() as session:
        session.execute(
            text("UPDATE connection SET status = 'needs_person', status_detail = 'Renew it.' WHERE id = :id"),
            {"id": firm.shared.connection_id},
        )
    answer = firm.owner("POST", f"/api/v1/connections/{firm.shared.connection_id}/resume")
    assert (answer.status_code, answer.json()["remedy"]) == (409, "Renew it.")


def test_a_connection_shows_whose_it_is(firm: Firm) -> None:
    shown = firm.viewer("GET", f"/api/v1/connections/{firm.shared.connection_id}").json()
    assert (shown["owner_id"], shown["owner_name"]) == (
        str(firm.owner.tenant.principal.user_id),
        Role.MEMBER.title(),
    )


def test_a_name_that_is_taken_by_a_private_source_tells_nobody(firm: Firm) -> None:
    """A colleague may choose the same one: a refusal would tell that it is there."""
    body = {
        "connector": "postgres",
        "name": "Private files",
        "config": {
            "host": "h",
            "database": "d",
            "user": "u",
            "password": "p",
            "tables": [{"table": "t", "key": ["id"]}],
        },
    }
    assert firm.member("POST", "/api/v1/connections", json=body).status_code == 201
    assert firm.owner("POST", "/api/v1/connections", json=body).status_code == 409
    assert firm.set_visibility(firm.owner, firm.private.connection_id, "ORG_SHARED").status_code == 200


class TestReadersThatTheProviderNames:
    """Whoever has the address, whenever they come; and never more than the source's own readers."""

    @pytest.fixture
    def named(self, firm: Firm) -> Seeded:
        """An item of the shared source whose provider names the viewer and somebody who is no member."""
        email = prove_address(firm.database, firm.viewer)
        prove_address(firm.database, firm.member)
        return seed_content(
            firm.database,
            firm.owner.tenant,
            firm.shared.connection_id,
            "channel.pdf",
            readers={email, "newcomer@elsewhere.example"},
        )

    def test_they_read_it_and_nobody_else_does(self, firm: Firm, named: Seeded) -> None:
        for colleague in (firm.head, firm.member, firm.owner):
            assert reads(colleague, named) == {True, False}  # the connection itself is shared
            assert colleague("GET", f"/api/v1/items/{named.item_id}").status_code == 404
        assert reads(firm.viewer, named) == {True}

    def test_sharing_again_opens_it_to_them_alone(self, firm: Firm, named: Seeded) -> None:
        """The provider's list outlives the time that the source is private."""
        firm.set_visibility(firm.owner, firm.shared.connection_id, "PRIVATE")
        assert reads(firm.viewer, named) == {False}
        firm.set_visibility(firm.owner, firm.shared.connection_id, "ORG_SHARED")
        assert reads(firm.viewer, named) == {True}
        assert firm.member("GET", f"/api/v1/items/{named.item_id}").status_code == 404

    def test_who_joins_later_or_gets_the_address_reads_it(self, firm: Firm, named: Seeded) -> None:
        with firm.database.worker.dispatch() as session:
            session.execute(
                update(app_user)
                .where(app_user.c.id == firm.member.tenant.principal.user_id)
                .values(email="newcomer@elsewhere.example")
            )
        try:
            assert reads(firm.member, named) == {True}
        finally:
            prove = update(app_user).where(app_user.c.id == firm.member.tenant.principal.user_id)
            with firm.database.worker.dispatch() as session:
                session.execute(prove.values(email=f"{uuid4()}@colleagues.example"))
        assert firm.member("GET", f"/api/v1/items/{named.item_id}").status_code == 404

    def test_an_address_that_was_not_proven_opens_nothing(self, firm: Firm, named: Seeded) -> None:
        with firm.database.worker.dispatch() as session:
            session.execute(
                update(app_user)
                .where(app_user.c.id == firm.viewer.tenant.principal.user_id)
                .values(email_verified_at=None)
            )
        assert firm.viewer("GET", f"/api/v1/items/{named.item_id}").status_code == 404

    def test_who_leaves_is_blind_and_who_comes_back_sees_again(self, firm: Firm, named: Seeded) -> None:
        viewer = firm.viewer.tenant.principal
        with firm.database.worker.organisation(firm.org_id) as session:
            session.execute(delete(membership).where(membership.c.user_id == viewer.user_id))
        assert firm.viewer("GET", f"/api/v1/items/{named.item_id}").status_code == 401
        with firm.database.identity.transaction() as session:
            people.join(session, firm.org_id, viewer.user_id, Role.VIEWER)
        # The keys of before went with the membership.
        back = Tenant(viewer, issue_api_key(firm.database.worker, viewer, "back"))
        assert reads(Caller(firm.viewer.http, back), named) == {True}


def test_two_sources_of_one_organisation_do_not_open_each_other(
    firm: Firm, newcomer: Callable[[], Caller]
) -> None:
    """Nor do two organisations: a source is shared with its own."""
    second = seed_content(
        firm.database,
        firm.owner.tenant,
        seed_connection(firm.database, firm.owner.tenant, "Second", private=True),
        "second.pdf",
    )
    firm.set_visibility(firm.owner, firm.private.connection_id, "ORG_SHARED")
    assert reads(firm.member, second) == {False}
    assert reads(newcomer(), firm.private) == {False}


def test_an_id_that_is_none_is_invalid(firm: Firm) -> None:
    answer = firm.owner("POST", f"/api/v1/connections/{UUID(int=1)}/visibility", json={"visibility": "ALL"})
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")
