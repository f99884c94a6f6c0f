"""The sensor of events and the runs over ranges: what a tick does, what it tells Dagster, and what it leaves to a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import select, text

from drovi_assets.connectors import runner
from drovi_assets.consumers import registry
from drovi_assets.event_jobs import CONSUME_RANGE, WORK
from drovi_assets.partitions import Partition
from resources.events.envelope import ItemsLanded, Topic, tell
from resources.events.log import partition_of
from resources.schema import job
from sensors import events as events_sensor
from tests.dagster.conftest import Graph


@pytest.fixture
def items(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Of two files that landed, and nothing derived from them."""
    monkeypatch.setattr("drovi_assets.connectors.sources.documents.SETTLED_NS", 0)
    for n in range(2):
        (graph.folder.path / f"note-{n}.txt").write_text(f"The parties agree on point {n}.", encoding="utf-8")
    runner.backfill(graph.folder.runtime.sources, graph.folder.connection_id)
    return [row.id for row in graph.folder.query(text("SELECT id FROM source_item ORDER BY id"))]


def _tell(graph: Graph, item_ids: Sequence[UUID]) -> None:
    folder = graph.folder
    body = ItemsLanded(connection_id=folder.connection_id, item_ids=tuple(item_ids))
    with folder.database.worker.organisation(folder.org_id) as session:
        tell(session, folder.org_id, body, key=str(folder.connection_id))


def test_a_tick_relays_derives_and_tells_of_it(graph: Graph, items: list[UUID]) -> None:
    """From the outbox to what is findable in one tick; the next has nothing to do."""
    _tell(graph, items)
    told = graph.tick(events_sensor.events)
    assert not told.run_requests
    (window,) = {row.window for row in graph.folder.query(text('SELECT "window" FROM source_item'))}
    assert {event.partition for event in told.asset_events} == {
        str(Partition(graph.folder.connection_id, window))
    }
    (added,) = told.dynamic_partitions_requests
    assert added.partition_keys == [str(Partition(graph.folder.connection_id, window))]
    assert len(graph.folder.query(text("SELECT FROM document"))) == 2
    assert graph.tick(events_sensor.events).skip_message == "No events."


def test_what_a_tick_cannot_catch_up_with_becomes_a_run(
    graph: Graph, items: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for through a job row, over exactly what was there; it does it, and done again it has no second effect."""
    impatient = tuple(replace(one, backlog=1) for one in registry.CONSUMERS)
    monkeypatch.setattr(events_sensor, "CONSUMERS", impatient)
    for item in items:
        _tell(graph, [item])
    graph.tick(events_sensor.events)  # to the log, which is looked at again after
    told = graph.tick(events_sensor.events)
    (request,) = told.run_requests
    with graph.folder.database.worker.dispatch() as session:
        (row,) = session.execute(select(job).where(job.c.kind == "consume")).all()
    assert request.run_key == f"{row.id}/0"
    config = request.run_config["ops"][WORK]["config"]
    partition = partition_of(str(graph.folder.connection_id))
    assert (config["topic"], config["partition"]) == (Topic.INTELLIGENCE, partition)
    assert (config["start"], config["end"]) == (0, 2)

    done = graph.run(CONSUME_RANGE, run_config=request.run_config, tags=request.tags)
    assert done.success
    assert {event.partition for event in done.get_asset_materialization_events()}
    assert len(graph.folder.query(text("SELECT FROM document"))) == 2
    before = graph.folder.summary()

    config = {**config, "again": True, "job_id": ""}
    again = graph.run(CONSUME_RANGE, run_config={"ops": {WORK: {"config": config}}})
    assert again.success
    assert not again.get_asset_materialization_events()
    assert graph.folder.summary() == before
