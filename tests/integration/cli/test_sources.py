"""``drovi connect``, ``connections`` and ``rhythm``: how often a source is read."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, update

from resources.audit import newest
from resources.schema import connection
from tests.conftest import Database, Tenant
from tests.integration.cli.conftest import Said


def test_a_rhythm_is_said_shown_and_taken_back(
    drovi: Callable[..., Said], database: Database, tenant: Tenant
) -> None:
    """At connecting or afterwards, by interval or cron; each is in the log."""
    connected = drovi("connect", "feed", "Practice", "--every", "3600", "--json")
    assert connected.code == 0, connected.text
    with database.worker.dispatch() as session:
        session.execute(update(connection).values(last_synced_at=func.now()))
    assert drovi("rhythm", "Practice", "--json").data["rhythm"] == {"interval_seconds": 3600}
    by_cron = drovi(
        "rhythm", "Practice", "--cron", "0 7 * * 1-5", "--timezone", "Europe/Paris", "--json"
    ).data
    assert by_cron["rhythm"] == {"cron": "0 7 * * 1-5", "timezone": "Europe/Paris"}
    assert "0 7 * * 1-5 (Europe/Paris)" in drovi("rhythm", "Practice").text
    (listed,) = drovi("connections", "--json").data["connections"]
    assert (listed["rhythm"], listed["next_sync_at"]) == (by_cron["rhythm"], by_cron["next_sync_at"])
    back = drovi("rhythm", "Practice", "--default", "--json").data
    assert back["rhythm"] == {"interval_seconds": 24 * 3600}
    org_id = tenant.principal.org_id
    with database.worker.organisation(org_id) as session:
        actions = [entry.action for entry in newest(session, org_id, 10)]
    assert actions == ["connection.rhythm_changed"] * 2 + ["connection.created"]


def test_what_is_no_rhythm_is_refused_with_what_to_do(drovi: Callable[..., Said], tenant: Tenant) -> None:
    drovi("connect", "feed", "Practice")
    for options, says in (
        (["--every", "1"], "from 4 to"),
        (["--every", "60", "--cron", "* * * * *"], "exactly one"),
        (["--timezone", "Europe/Paris"], "cron expression"),
        (["--default", "--every", "60"], "alone"),
        (["--cron", "0 7 * *"], "five fields"),
    ):
        said = drovi("rhythm", "Practice", *options)
        assert said.code == 2
        assert says in said.text
    assert drovi("rhythm", "Nonsense", "--every", "60").code == 2
