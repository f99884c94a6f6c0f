"""``drovi audit``: what was done, and whether it still says so."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from resources.audit import PLATFORM, SYSTEM, Action, record
from resources.embedded_postgres import EmbeddedPostgres
from tests.conftest import Database, Tenant
from tests.integration.cli.conftest import Said


@pytest.fixture
def entries(database: Database, tenant: Tenant) -> None:
    for org_id, action in (
        (tenant.principal.org_id, Action.CONNECTION_CREATED),
        (tenant.principal.org_id, Action.CONNECTION_SHARED),
        (PLATFORM, Action.ORGANISATION_CREATED),
    ):
        with database.worker.organisation(org_id) as connection:
            record(connection, SYSTEM, action, "thing", "t-1")


def test_entries_are_listed_newest_first(drovi: Callable[..., Said], entries: None) -> None:
    listed = drovi("audit", "list", "--json").data["entries"]
    assert [entry["action"] for entry in listed] == ["connection.shared", "connection.created"]
    assert [
        entry["sequence"] for entry in drovi("audit", "list", "--limit", "1", "--json").data["entries"]
    ] == [2]
    assert SYSTEM.label in drovi("audit", "list").text


def test_the_platforms_own_chain_is_asked_for_by_name(drovi: Callable[..., Said], entries: None) -> None:
    (entry,) = drovi("audit", "list", "--platform", "--json").data["entries"]
    assert entry["action"] == "organisation.created"


def test_a_sound_log_is_said_to_be(drovi: Callable[..., Said], entries: None) -> None:
    """Every chain, the platform's too."""
    said = drovi("audit", "verify", "--json")
    assert (said.code, said.data["sound"]) == (0, True)
    assert [(chain["organisation"], chain["entries"]) for chain in said.data["chains"]] == [
        ("the platform", 1),
        ("Cabinet Morel", 2),
    ]
    assert "Every entry fits" in drovi("audit", "verify").text


def test_a_tampered_log_fails_and_says_where(
    drovi: Callable[..., Said], entries: None, database: Database, postgres: EmbeddedPostgres
) -> None:
    name = database.urls.owner.rpartition("/")[2].partition("?")[0]
    with psycopg.connect(postgres.url(name, "superuser")) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE audit_entry SET actor_label = 'mallory' WHERE sequence = 2")
    said = drovi("audit", "verify", "--json")
    assert (said.code, said.data["sound"]) == (1, False)
    (problem,) = said.data["chains"][1]["problems"]
    assert problem["sequence"] == 2
    plain = drovi("audit", "verify")
    assert plain.code == 1
    assert "Problems of Cabinet Morel" in plain.text
