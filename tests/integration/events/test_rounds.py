"""All consumers in one budget: what is looked at, in which turn, and what an idle look costs."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import event as hooks

from drovi_assets.consumers import dead_letters, ranges, rounds
from drovi_assets.consumers.consume import Spot
from drovi_assets.consumers.contract import Consumer, Handled
from drovi_assets.consumers.dead_letters import Which
from drovi_assets.consumers.registry import CONSUMERS
from drovi_assets.deadline import Budget
from resources.errors import ProviderDown
from resources.events import offsets
from resources.events.envelope import Topic
from resources.events.log import PARTITIONS, partition_of
from resources.events.postgres import PostgresEventLog
from resources.schema import job
from sensors.events import run_tick
from tests.conftest import REPOSITORY
from tests.integration.events.conftest import Counting, Plane, Unlimited, counting


class Outside(PostgresEventLog):
    """As one that is looked at by its own interface."""

    external = True


def _behind(plane: Plane, *consumers: Consumer) -> list[rounds.Behind]:
    with plane.database.worker.dispatch() as session:
        return rounds.behind(session, plane.runtime.events, consumers)


@contextmanager
def _statements(plane: Plane):
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    hooks.listen(plane.database.worker._engine, "before_cursor_execute", note)
    yield seen
    hooks.remove(plane.database.worker._engine, "before_cursor_execute", note)


@pytest.mark.parametrize("log", [PostgresEventLog(), Outside()], ids=["postgres", "outside"])
def test_only_partitions_with_something_to_do_are_looked_at(plane: Plane, log: PostgresEventLog) -> None:
    """By group, topic and partition, retries included, to the event."""
    plane = plane.with_runtime(events=log)
    consumer = counting(Counting(), batch=4)
    assert _behind(plane, consumer) == []
    plane.publish([plane.named(str(n)) for n in range(6)])
    plane.publish([plane.named("again")], topic=Topic.RAW.retry)
    found = {one.spot.topic: (one.committed, one.end) for one in _behind(plane, consumer)}
    assert found == {Topic.RAW: (0, 6), Topic.RAW.retry: (0, 1)}
    plane.step(consumer)
    found = {one.spot.topic: one.events for one in _behind(plane, consumer)}
    assert found == {Topic.RAW: 2, Topic.RAW.retry: 1}


def test_an_idle_tick_is_two_queries(plane: Plane) -> None:
    """However many topics and partitions there are."""
    plane.publish([plane.named(str(n)) for n in range(6)])
    run_tick(plane.runtime, Budget.of(10))
    with _statements(plane) as seen:
        run_tick(plane.runtime, Budget.of(10))
    assert len(seen) == 2


def test_a_log_that_does_not_answer_fails_no_tick(plane: Plane) -> None:
    """What is asked for beside it is done: a dead letter that is to go back waits in the outbox."""

    class Away(Outside):
        def ends(self, connection, topic):
            raise ProviderDown("It does not answer.")

        def publish(self, connection, events):
            raise ProviderDown("It does not answer.")

    plane.publish([b"{"])
    plane.drain(CONSUMERS[0])
    with plane.database.worker.dispatch() as session:
        dead_letters.ask_replay(session, Which(), "ops@drovi.co")
    assert run_tick(plane.with_runtime(events=Away()).runtime, Budget.of(10)).step.read == 0
    assert [letter.status for letter in plane.dead()] == ["replayed"]
    assert run_tick(plane.runtime, Budget.of(10)).step.dead == 1


def test_time_is_shared_between_topics_and_between_partitions(plane: Plane) -> None:
    """Of two topics with much to do the dear one gets fewer turns, and of a topic no partition is passed over."""
    clock = [0.0]
    turns: list[str] = []

    @dataclass
    class Ticking:
        seconds: float
        topic: str

        def __call__(self, _work, events):
            clock[0] += self.seconds * len(events)
            turns.append(self.topic)
            return Handled()

    cheap = Consumer(Topic.RAW, "cheap", Ticking(1.0, "cheap"), batch=1)
    dear = Consumer(Topic.RAW, "dear", Ticking(4.0, "dear"), batch=1)
    plane.publish([plane.named(str(n)) for n in range(60)], key=str)
    plane.publish([plane.named(str(n)) for n in range(60)], key=str, topic=Topic.RAW.retry)
    found = [
        one
        for consumer, topic in ((cheap, Topic.RAW), (dear, Topic.RAW.retry))
        for one in _behind(plane, consumer)
        if one.spot.topic == topic
    ]

    class UntilThen:
        @property
        def left(self) -> float:
            return 40.0 - clock[0]

    rounds.go_round(plane.runtime, found, UntilThen(), clock=lambda: clock[0])
    assert Counter(turns) == {"cheap": 20, "dear": 5}
    with plane.database.worker.dispatch() as session:
        places = offsets.committed(session, "cheap", Topic.RAW)
    assert [place.offset for place in places.values()] == [5] * PARTITIONS


@pytest.mark.parametrize("consumers", [1, 2, 4])
def test_consumers_side_by_side_handle_nothing_twice(plane: Plane, consumers: int) -> None:
    """As many as there are partitions, and in each the order is kept."""
    count = 200
    plane.publish([plane.named(f"{n % 8}/{n:03}") for n in range(count)], key=lambda n: f"key-{n % 8}")
    consumer = counting(Counting(), batch=7)
    work_done: Counter[int] = Counter()

    def run(number: int) -> None:
        while found := _behind(plane, consumer):
            work_done[number] += rounds.go_round(plane.runtime, found, Unlimited()).handled

    threads = [threading.Thread(target=run, args=(number,)) for number in range(consumers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    order = plane.order()
    assert len(order) == len(set(order)) == work_done.total() == count
    for key in range(8):
        mine = [name for name in order if name.startswith(f"{key}/")]
        assert mine == sorted(mine)


def test_processes_side_by_side_survive_the_death_of_one(plane: Plane, tmp_path: Path) -> None:
    """As machines would, with nothing between them but the database: every event once, and in each key in order."""
    count = 600
    command = [sys.executable, "-m", "tests.integration.events.consumer_process"]
    where = [plane.database.urls.worker, str(tmp_path)]
    processes = [
        subprocess.Popen(
            [*command, *where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
        )
        for _ in range(3)
    ]
    try:
        for one in processes:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        plane.publish([plane.named(f"{n % 8}/{n:03}") for n in range(count)], key=lambda n: f"key-{n % 8}")
        _until(lambda: len(plane.order()) >= count // 10)
        processes[0].send_signal(signal.SIGKILL)
        _until(lambda: len(plane.order()) >= count)
        handled = [int(one.communicate(timeout=30)[0]) for one in processes[1:]]
    finally:
        for one in processes:
            one.kill()
            one.communicate()
    order = plane.order()
    assert len(order) == len(set(order)) == count
    for key in range(8):
        mine = [name for name in order if name.startswith(f"{key}/")]
        assert mine == sorted(mine)
    assert all(handled), handled


def _until(there: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not there():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_partition_far_behind_is_left_to_a_run_over_its_range(plane: Plane) -> None:
    """One job row a partition, asked for once; ticks leave it alone meanwhile, and the run ends where it was told."""
    consumer = counting(Counting(), batch=4, backlog=5)
    plane.publish([plane.named(str(n)) for n in range(9)])
    for _ in range(2):
        with plane.database.worker.dispatch() as session:
            assert len(ranges.ask(session, rounds.behind(session, plane.runtime.events, [consumer]))) == 1
    with plane.database.worker.dispatch() as session:
        (row,) = session.execute(job.select()).all()
        assert len(ranges.due(session)) == 1
    assert (row.org_id, row.kind, row.status) == (None, "consume", "queued")
    wanted = ranges.parse(row.arguments)
    assert (wanted.start, wanted.end) == (0, 9)
    plane.publish([plane.named("later")])
    step, finished = ranges.catch_up(plane.runtime, wanted, [consumer], Unlimited())
    assert (step.handled, finished) == (9, True)
    assert [one.events for one in _behind(plane, consumer)] == [1]


def test_where_a_ranges_run_came_to_nothing_ticks_go_on(plane: Plane) -> None:
    """It is not asked for again for ever, and the partition is not left alone."""
    consumer = counting(Counting(), backlog=5)
    plane.publish([plane.named(str(n)) for n in range(9)])
    with plane.database.worker.dispatch() as session:
        ranges.ask(session, rounds.behind(session, plane.runtime.events, [consumer]))
        session.execute(job.update().values(status="failed"))
        assert ranges.ask(session, rounds.behind(session, plane.runtime.events, [consumer])) == []


def test_a_range_that_is_done_again_moves_no_place(plane: Plane) -> None:
    """Its events are handled anew, those alone."""
    handler = Counting()
    consumer = counting(handler, batch=2)
    plane.publish([plane.named(str(n)) for n in range(8)])
    plane.drain(consumer)
    spot = Spot(consumer, Topic.RAW, partition_of("one"))
    wanted = ranges.Range(consumer.group, spot.topic, spot.partition, 2, 5)
    assert ranges.again(plane.runtime, wanted, [consumer], Unlimited()).handled == 3
    assert {name for name, times in handler.calls.items() if times == 2} == {"2", "3", "4"}
    assert _behind(plane, consumer) == []
