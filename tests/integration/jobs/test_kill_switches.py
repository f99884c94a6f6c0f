"""Kill switches stop what they name and nothing else, are told in the audit log, and lose nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from resources import audit, job_rows, kill_switches
from resources.audit import PLATFORM, SYSTEM, Actor, ActorKind
from resources.errors import Conflict, Halted, Invalid, NotFound
from resources.kill_switches import DETAIL, EVERYTHING, Scope
from resources.schema import connection as connection_table
from tests.conftest import Tenant
from tests.integration.jobs.conftest import Plane

REASON = "The provider asks us to stop."


@pytest.fixture
def asked(plane: Plane, tenant: Tenant, other: Tenant) -> dict[str, str]:
    """A job by name: of each organisation, of each kind of source, and the platform's own."""
    found = {"platform": plane.ask(None, "p")}
    for name, one in (("morel", tenant), ("other", other)):
        org_id = one.principal.org_id
        found[name] = plane.ask(org_id, "plain")
        for connector in ("documents", "postgres"):
            connection_id = plane.connect(one, connector, connector)
            found[f"{name} {connector}"] = plane.ask(org_id, connector, connection_id=connection_id)
    return {str(job_id): name for name, job_id in found.items()}


@pytest.mark.parametrize("kind", ["everything", "connector", "organisation"])
def test_a_switch_stops_what_it_names(plane: Plane, tenant: Tenant, asked: dict[str, str], kind: str) -> None:
    """Nothing else, and from the next look on; released, all of it is due as it was."""
    scope = {
        "everything": EVERYTHING,
        "connector": Scope(connector="postgres"),
        "organisation": Scope(org_id=tenant.principal.org_id),
    }[kind]

    def stands(name: str) -> bool:
        return {
            "everything": True,
            "connector": name.endswith("postgres"),
            "organisation": name.startswith("morel"),
        }[kind]

    assert plane.do(kill_switches.throw, scope, REASON, SYSTEM)
    due = {asked[str(row.id)] for row in plane.do(job_rows.due, ["count"], 20)}
    assert due == {name for name in asked.values() if not stands(name)}
    assert {asked[str(row.id)] for row in plane.take(20)} == due
    plane.do(kill_switches.release, scope, SYSTEM)
    assert {asked[str(row.id)] for row in plane.take(20)} == set(asked.values()) - due


def test_a_turn_on_a_stopped_source_is_not_begun(plane: Plane, tenant: Tenant) -> None:
    """Whatever begins it; ``is_stopped`` says the same for consumers of events."""
    connection_id = plane.connect(tenant)
    plane.do(kill_switches.check, connection_id)
    plane.do(kill_switches.throw, Scope(connector="documents"), REASON, SYSTEM)
    with pytest.raises(Halted):
        plane.do(kill_switches.check, connection_id)
    assert plane.do(kill_switches.is_stopped, tenant.principal.org_id, "documents")
    assert not plane.do(kill_switches.is_stopped, tenant.principal.org_id, "postgres")
    assert not plane.do(kill_switches.is_stopped, tenant.principal.org_id)
    assert not plane.do(kill_switches.is_stopped, None)


def test_people_read_that_a_source_is_stopped(plane: Plane, tenant: Tenant, other: Tenant) -> None:
    """Not why. What its status says for another reason is left, and it is taken back with the switch."""
    mine, theirs = plane.connect(tenant), plane.connect(other)

    def details() -> dict[str, str]:
        query = select(connection_table.c.id, connection_table.c.status_detail)
        return {row.id: row.status_detail for row in plane.do(lambda session: session.execute(query).all())}

    scope = Scope(org_id=tenant.principal.org_id)
    plane.do(kill_switches.throw, scope, REASON, SYSTEM)
    assert plane.do(kill_switches.show) == 1
    assert plane.do(kill_switches.show) == 0
    assert details() == {mine: DETAIL, theirs: ""}
    plane.do(kill_switches.release, scope, SYSTEM)
    assert plane.do(kill_switches.show) == 1
    assert details() == {mine: "", theirs: ""}


def test_switches_are_told_to_the_platforms_chain_and_the_organisations(plane: Plane, tenant: Tenant) -> None:
    """The organisation's without who and why; one that stops everything is the platform's alone."""
    org_id = tenant.principal.org_id
    admin = Actor(ActorKind.ADMIN, "1", "anna@drovi.co")
    for scope in (EVERYTHING, Scope(org_id=org_id)):
        plane.do(kill_switches.throw, scope, REASON, admin)
        plane.do(kill_switches.release, scope, admin)
    with plane.database.worker.organisation(org_id) as session:
        own = audit.newest(session, org_id, 10)
    with plane.database.worker.organisation(PLATFORM) as session:
        platform = audit.newest(session, PLATFORM, 10)
    assert [row.action for row in own] == ["kill_switch.released", "kill_switch.thrown"]
    assert not any(REASON in str(row) or "anna" in str(row) for row in own)
    assert [row.after["scope"] for row in platform] == [f"organisation {org_id}"] * 2 + ["everything"] * 2
    assert {row.actor_label for row in platform} == {"anna@drovi.co"}


def test_a_switch_needs_a_reason_and_something_to_stop(plane: Plane, tenant: Tenant) -> None:
    with pytest.raises(Invalid, match="reason"):
        plane.do(kill_switches.throw, EVERYTHING, "  ", SYSTEM)
    with pytest.raises(Invalid, match="one thing"):
        plane.do(kill_switches.throw, Scope("documents", tenant.principal.org_id), REASON, SYSTEM)
    with pytest.raises(NotFound):
        plane.do(kill_switches.throw, Scope(org_id=PLATFORM), REASON, SYSTEM)
    with pytest.raises(Conflict):
        plane.do(kill_switches.release, EVERYTHING, SYSTEM)


def test_administration_throws_and_releases(plane: Plane, tenant: Tenant) -> None:
    """As the identity role."""
    scope = Scope(org_id=tenant.principal.org_id)
    with plane.database.identity.transaction() as session:
        assert kill_switches.throw(session, scope, REASON, SYSTEM)
    assert plane.do(kill_switches.is_stopped, tenant.principal.org_id)
    with plane.database.identity.transaction() as session:
        kill_switches.release(session, scope, SYSTEM)
    assert not plane.do(kill_switches.is_stopped, tenant.principal.org_id)
