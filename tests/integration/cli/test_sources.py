"""``drovi connect``, ``connections``, ``rhythm`` and ``backfill``: how often a source is read, and how much of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select, update

from resources.audit import newest
from resources.schema import connection, job
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


def test_a_backfill_is_asked_for_once_until_it_is_over(
    drovi: Callable[..., Said], database: Database, tenant: Tenant, tmp_path: Path
) -> None:
    """With what it is of; by the audit log's word too."""
    drovi("connect", "documents", "Files", "--config", json.dumps({"path": str(tmp_path)}))
    options = (
        "--stream",
        "files",
        "--start",
        "2024-01-01",
        "--end",
        "2024-07-01",
        "--full-refresh",
        "--json",
    )
    first, second = (drovi("backfill", "Files", *options) for _ in range(2))
    assert first.data == second.data
    assert first.data["status"] == "queued"
    org_id = tenant.principal.org_id
    with database.worker.organisation(org_id) as session:
        row = session.execute(select(job)).one()
        (entry, _) = newest(session, org_id, 10)
    assert row.arguments == {"stream": "files", "window": "2024-01-01/2024-07-01", "full_refresh": True}
    assert (entry.action, entry.after["job_id"]) == ("connection.backfill_requested", first.data["id"])


def test_a_backfill_of_what_is_not_there_is_refused_with_what_to_do(
    drovi: Callable[..., Said], tenant: Tenant, tmp_path: Path
) -> None:
    drovi("connect", "documents", "Files", "--config", json.dumps({"path": str(tmp_path)}))
    for options, says in (
        (["--stream", "mail"], "files"),
        (["--start", "2024-01-01"], "both"),
        (["--start", "2024-07-01", "--end", "2024-01-01"], "later than the start"),
    ):
        said = drovi("backfill", "Files", *options)
        assert said.code == 2
        assert says in said.text
