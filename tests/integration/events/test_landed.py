"""What landed is derived once, under the connection's turn, whatever becomes of the event that told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text, update

from drovi_assets.connectors import runner
from drovi_assets.consumers import dead_letters, landed
from drovi_assets.consumers.consume import Spot, Step, consume
from drovi_assets.consumers.dead_letters import Which
from drovi_assets.consumers.registry import CONSUMERS
from drovi_assets.pipeline.run import process
from drovi_assets.pipeline.turns import turn
from resources.errors import NotConfigured
from resources.events.envelope import ItemsLanded, RecordsWritten, Topic, opened
from resources.events.log import partition_of
from resources.schema import connection, outbox
from tests.integration.events.conftest import Plane
from tests.integration.pipeline.conftest import Folder, folder, sandbox  # noqa: F401 - fixtures

(DERIVING,) = (one for one in CONSUMERS if one.handle is landed.derive)


class Boom(Exception):
    """A defect."""


@pytest.fixture
def files(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Plane:  # noqa: F811 - the fixture imported above
    """Three files that landed, and nothing derived from them."""
    # They are whole when they are written: none needs the second that the connector leaves to a writer.
    monkeypatch.setattr("drovi_assets.connectors.sources.documents.SETTLED_NS", 0)
    plane = Plane(folder.database, folder.tenant, folder.runtime)
    for n in range(3):
        (folder.path / f"note-{n}.txt").write_text(f"The parties agree on point {n}.", encoding="utf-8")
    runner.backfill(folder.runtime.sources, folder.connection_id)
    return plane


def _source(plane: Plane) -> UUID:
    with plane.database.worker.dispatch() as session:
        return session.execute(select(connection.c.id)).scalar_one()


def _count(plane: Plane, table: str) -> int:
    with plane.database.worker.organisation(plane.org_id) as session:
        return session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def _pending(plane: Plane) -> list[UUID]:
    with plane.database.worker.organisation(plane.org_id) as session:
        query = "SELECT id FROM source_item WHERE processed_at IS NULL ORDER BY id"
        return list(session.execute(text(query)).scalars())


def _told(plane: Plane, items: Sequence[UUID]) -> bytes:
    return plane.payload(ItemsLanded(connection_id=_source(plane), item_ids=tuple(items)))


def _records_told(plane: Plane) -> list[UUID]:
    with plane.database.worker.dispatch() as session:
        rows = session.execute(select(outbox).where(outbox.c.topic == Topic.RECORDS)).all()
    return [one for row in rows for one in RecordsWritten.model_validate(opened(row.payload).body).record_ids]


def test_what_landed_is_derived_and_told_once(files: Plane) -> None:
    """One event or several about the same items; Dagster is told of the window."""
    items = _pending(files)
    files.publish([_told(files, items[:2]), _told(files, items)], topic=Topic.INTELLIGENCE)
    step = files.step(DERIVING)
    assert step.handled == 2
    ((connector, source, done),) = step.derived
    assert (connector, source, done.total.items) == ("documents", _source(files), 3)
    assert _pending(files) == []
    assert _count(files, "document") == 3
    with files.database.worker.organisation(files.org_id) as session:
        records = list(session.execute(text("SELECT id FROM record")).scalars())
    assert sorted(_records_told(files)) == sorted(records)
    files.publish([_told(files, items)], topic=Topic.INTELLIGENCE)
    step = files.step(DERIVING)
    assert (step.handled, step.derived) == (1, [])
    assert len(_records_told(files)) == 3


def test_while_others_work_on_the_connection_it_is_tried_again(files: Plane) -> None:
    """Shortly, with no attempt counted, and the consumer stands in line for a moment only."""
    files.publish([_told(files, _pending(files))], topic=Topic.INTELLIGENCE)
    with turn(files.runtime, files.org_id, _source(files)):
        step = files.step(DERIVING)
        assert (step.handled, step.later) == (0, 1)
    (waiting,) = files.delayed()
    assert "attempt" not in waiting.headers
    files.drain(DERIVING)
    assert _pending(files) == []


def test_what_its_time_does_not_suffice_for_is_left_for_later(files: Plane) -> None:
    """At once, in the order of its turn; nothing is lost."""

    class Over:
        left = 0.0

    files.publish([_told(files, _pending(files))], topic=Topic.INTELLIGENCE)
    step = consume(files.runtime, Spot(DERIVING, Topic.INTELLIGENCE, partition_of("one")), Over())
    assert (step.handled, step.later) == (0, 1)
    files.drain(DERIVING)
    assert _pending(files) == []


def test_of_what_is_gone_or_paused_nothing_is_derived(files: Plane) -> None:
    """A paused connection's items stay in the queue, where they are found when it goes on."""
    with files.database.worker.dispatch() as session:
        session.execute(update(connection).values(status="paused"))
    gone = files.payload(ItemsLanded(connection_id=uuid4(), item_ids=(uuid4(),)))
    files.publish([gone, _told(files, _pending(files))], topic=Topic.INTELLIGENCE)
    step = files.step(DERIVING)
    assert (step.handled, step.skipped, step.dead) == (0, 2, 0)
    assert len(_pending(files)) == 3


def test_one_item_that_fails_fails_its_event_and_no_other(
    files: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again, given up, and derived when it is replayed after the fix: the others once, and at once."""
    bad, *others = _pending(files)

    def failing(runtime, org_id, items):
        if bad in items:
            raise Boom
        return process(runtime, org_id, items)

    monkeypatch.setattr(landed, "process", failing)
    files.publish([_told(files, [bad]), _told(files, others)], topic=Topic.INTELLIGENCE)
    total = files.drain(replace(DERIVING, attempts=2))
    assert (total.handled, total.retried, total.dead) == (1, 1, 1)
    assert _pending(files) == [bad]
    # Meanwhile a live sync may have given the item up as well: it has left the queue, without a record.
    with files.database.worker.organisation(files.org_id) as session:
        session.execute(text("UPDATE source_item SET processed_at = now()"))
    monkeypatch.setattr(landed, "process", process)
    with files.database.worker.dispatch() as session:
        assert dead_letters.ask_replay(session, Which(topic=Topic.INTELLIGENCE), "test") == 1
        assert dead_letters.carry_out(session) == 1
    total = files.drain(DERIVING)
    assert total.handled == 1
    assert _count(files, "document") == 3


def test_a_machine_that_lacks_something_has_the_partition_wait(
    files: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What no item can be blamed for counts against none."""

    def failing(*_args: object) -> object:
        raise NotConfigured("There is no model.")

    monkeypatch.setattr(landed, "process", failing)
    files.publish([_told(files, _pending(files))], topic=Topic.INTELLIGENCE)
    assert files.step(DERIVING) == Step(paused=True)
    assert files.dead() == []
