"""Ticks beside an event log: what they move to it, and that they do without."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import func, insert, select, text

from resources.errors import ProviderDown
from resources.events.log import Event
from resources.events.postgres import PostgresEventLog
from resources.schema import event, outbox
from sensors.events import events
from sensors.reconcile import reconcile
from tests.dagster.conftest import Graph
from tests.integration.pipeline.conftest import Folder


class LogThatIsAway(PostgresEventLog):
    """Takes nothing."""

    def publish(self, connection, events):
        raise ProviderDown("The log is away.")


def _rows(folder: Folder, table) -> int:
    with folder.database.worker.dispatch() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_log_that_is_away_holds_no_tick_up(graph: Graph, folder: Folder) -> None:
    """It ends well; what is told waits, and moves once the log is back."""
    with folder.database.worker.organisation(folder.org_id) as connection:
        connection.execute(
            insert(outbox).values(org_id=folder.org_id, topic="normalized.records", key="one", payload=b"x")
        )
    away = Graph(
        replace(folder, runtime=replace(folder.runtime, events=LogThatIsAway())),
        graph.repository,
        graph.instance,
    )
    assert away.tick(events).skip_message == "No events."
    assert (_rows(folder, outbox), _rows(folder, event)) == (1, 0)
    graph.tick(events)
    assert (_rows(folder, outbox), _rows(folder, event)) == (0, 1)


def test_reconciling_forgets_events_whose_time_is_over(graph: Graph, folder: Folder) -> None:
    """Of the log in Postgres; Kafka does so by itself."""
    with folder.database.worker.dispatch() as connection:
        PostgresEventLog().publish(
            connection, [Event(folder.org_id, "graph.changes", "one", b"x") for _ in range(3)]
        )
        connection.execute(
            text("UPDATE event SET created_at = now() - interval '31 days' WHERE \"offset\" < 2")
        )
    graph.tick(reconcile)
    assert _rows(folder, event) == 1
