"""What waits, as Prometheus is told it: counts and ages over all organisations, and no organisation's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection, insert, text

from drovi_api import gauges
from drovi_api.gauges import Gauges
from resources.database import IdentityDatabase
from resources.errors import ProviderDown
from resources.events import offsets
from resources.events.log import Event, partition_of
from resources.events.offsets import Place
from resources.events.postgres import PostgresEventLog
from resources.schema import dead_letter, delayed_event, job, kill_switch, outbox
from tests.conftest import Database, Tenant

TOPIC, GROUP = "graph.changes", "webhooks"
Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


class FarLog(PostgresEventLog):
    """A log outside of the database, as far as who reads it can tell."""

    external = True

    def __init__(self, *, answers: bool = True) -> None:
        super().__init__()
        self._answers = answers

    def ends(self, connection: Connection, topic: str) -> dict[int, int]:
        if not self._answers:
            raise ProviderDown("The brokers do not answer.")
        return super().ends(connection, topic)


def samples(text_: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text_)
        for sample in family.samples
    }


def scrape(database: Database, log: Any = None) -> Samples:
    return samples(Gauges(database.identity, log or PostgresEventLog()).text())


def value(found: Samples, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


@pytest.fixture
def busy(database: Database, tenant: Tenant) -> str:
    """One of everything that waits; returns the partition that a group is behind in."""
    org_id, partition = tenant.principal.org_id, partition_of("matter")
    asked = {"org_id": org_id, "kind": "backfill"}
    ago = {"hour": text("now() - interval '1 hour'"), "month": text("now() - interval '30 days'")}
    event = {"org_id": org_id, "topic": TOPIC, "key": "k", "payload": b"{}"}
    with database.worker.organisation(org_id) as session:
        for status, when in (
            ("queued", "hour"),
            ("queued", "month"),
            ("failed", "hour"),
            ("failed", "month"),
        ):
            values = asked | {"idempotency_key": str(uuid4()), "status": status, "run_at": ago[when]}
            session.execute(insert(job).values(values))
        session.execute(insert(outbox).values(**event, created_at=ago["hour"]))
        session.execute(insert(delayed_event).values(**event, not_before=ago["hour"]))
        died = {"partition": 0, "offset": 1, "consumer_group": GROUP, "attempts": 5, "error_code": "INVALID"}
        for status in ("dead", "dead", "replayed"):
            session.execute(insert(dead_letter).values(**event, **died, error_message="No.", status=status))
        session.execute(insert(kill_switch).values(connector="documents", reason="It fails.", thrown_by="us"))
        PostgresEventLog().publish(session, [Event(org_id, TOPIC, "matter", b"{}") for _ in range(5)])
        session.execute(
            text("UPDATE event SET created_at = now() - interval '90 seconds' WHERE \"offset\" >= 2")
        )
        offsets.commit(session, GROUP, TOPIC, partition, Place(2, 1))
    return str(partition)


def test_what_waits_is_told(database: Database, busy: str) -> None:
    found = scrape(database)
    place = {"group": GROUP, "topic": TOPIC, "partition": busy}
    assert value(found, "drovi_backlog_readable") == 1
    assert value(found, "drovi_jobs", status="queued", kind="backfill") == 2
    assert value(found, "drovi_jobs", status="failed", kind="backfill") == 1, (
        "what was due a month ago is history"
    )
    assert value(found, "drovi_job_oldest_queued_seconds", kind="backfill") == pytest.approx(
        30 * 86400, abs=60
    )
    assert value(found, "drovi_consumer_lag_events", **place) == 3
    assert value(found, "drovi_consumer_lag_seconds", **place) == pytest.approx(90, abs=30)
    assert value(found, "drovi_consumer_paused", **place) == 0
    assert value(found, "drovi_outbox_events") == 1
    assert value(found, "drovi_outbox_oldest_seconds") == pytest.approx(3600, abs=60)
    assert value(found, "drovi_delayed_events") == 1
    assert value(found, "drovi_delayed_overdue_seconds") == pytest.approx(3600, abs=60)
    assert value(found, "drovi_dead_letters", topic=TOPIC) == 2
    assert {
        scope: value(found, "drovi_kill_switches", scope=scope) for scope in ("everything", "connector")
    } == {
        "everything": 0,
        "connector": 1,
    }


def test_a_group_that_has_read_everything_lags_behind_nothing(database: Database, busy: str) -> None:
    """However long ago the last event was."""
    with database.worker.dispatch() as session:
        offsets.commit(session, GROUP, TOPIC, int(busy), Place(5, 4))
    found = scrape(database)
    for name in ("drovi_consumer_lag_events", "drovi_consumer_lag_seconds"):
        assert value(found, name, group=GROUP, topic=TOPIC, partition=busy) == 0


def test_a_partition_that_waits_for_what_is_away_says_so(database: Database, busy: str) -> None:
    with database.worker.dispatch() as session:
        session.execute(
            text("UPDATE consumer_offset SET paused_until = now() + interval '1 minute', paused_for = 'ocr'")
        )
    assert value(scrape(database), "drovi_consumer_paused", group=GROUP, topic=TOPIC, partition=busy) == 1


def test_no_label_is_of_an_organisation(database: Database, tenant: Tenant, busy: str) -> None:
    assert str(tenant.principal.org_id) not in Gauges(database.identity, PostgresEventLog()).text()
    names = {name for _, labels in scrape(database) for name, _ in labels}
    assert names == {"status", "kind", "group", "topic", "partition", "scope"}


def test_a_log_outside_is_asked_for_its_ends(database: Database, busy: str) -> None:
    """It is known how many events are left there, and not how old they are."""
    found = scrape(database, FarLog())
    assert value(found, "drovi_consumer_lag_events", group=GROUP, topic=TOPIC, partition=busy) == 3
    assert "drovi_consumer_lag_seconds" not in {name for name, _ in found}


def test_a_log_that_is_away_takes_nothing_else_along(database: Database, busy: str) -> None:
    found = scrape(database, FarLog(answers=False))
    assert value(found, "drovi_backlog_readable") == 0
    assert value(found, "drovi_outbox_events") == 1
    assert "drovi_consumer_lag_events" not in {name for name, _ in found}


def test_a_database_that_is_away_leaves_an_answer() -> None:
    away = IdentityDatabase("postgresql://drovi_identity:x@127.0.0.1:9/drovi")
    assert dict(samples(Gauges(away, PostgresEventLog()).text())) == {
        ("drovi_backlog_readable", frozenset()): 0
    }
    away.close()


def test_the_database_is_not_asked_for_every_scrape(
    database: Database, busy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two within a few seconds get one answer."""
    shown = Gauges(database.identity, PostgresEventLog())
    before = shown.text()
    with database.worker.dispatch() as session:
        session.execute(text("DELETE FROM outbox"))
    assert shown.text() == before
    monkeypatch.setattr(gauges, "FRESH_SECONDS", 0.0)
    assert value(samples(shown.text()), "drovi_outbox_events") == 0
