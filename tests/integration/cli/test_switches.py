"""``drovi stop``, ``resume`` and ``stops``."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from resources.schema import organisation
from tests.conftest import Database, Tenant
from tests.integration.cli.conftest import Said


def test_what_is_stopped_is_listed_until_it_is_resumed(
    drovi: Callable[..., Said], database: Database, tenant: Tenant
) -> None:
    """Everything, one kind of source, one organisation by its short name; each by itself."""
    with database.worker.dispatch() as session:
        slug = session.execute(select(organisation.c.slug)).scalar_one()
    options = ([], ["--connector", "documents"], ["--organisation", slug])
    for one in options:
        drovi("stop", "--reason", "A provider asks for it.", *one)
    listed = drovi("stops", "--json").data["stops"]
    names = ["everything", "connector documents", f"organisation {tenant.principal.org_id}"]
    assert [one["stopped"] for one in listed] == names
    assert {one["reason"] for one in listed} == {"A provider asks for it."}
    assert "Already" in drovi("stop", "--reason", "Again.").text
    for one in options:
        drovi("resume", *one)
    assert drovi("stops", "--json").data["stops"] == []


def test_a_switch_for_what_is_not_there_is_refused(drovi: Callable[..., Said], tenant: Tenant) -> None:
    assert drovi("stop", "--reason", "x", "--connector", "nonsense").code != 0
    assert drovi("stop", "--reason", "x", "--organisation", "nonsense").code != 0
    assert drovi("resume").code != 0
    assert drovi("stops", "--json").data["stops"] == []
