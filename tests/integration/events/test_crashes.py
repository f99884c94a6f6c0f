"""A kill between any two statements: what a consumer did is there once, whole, and nothing is lost.

Driven by hypothesis against a model; a consumer that commits its place before its effects is held to be wrong by the same
harness. How many examples: ``DROVI_CRASH_EXAMPLES``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as hooks
from sqlalchemy import text

from drovi_assets.consumers import consume as consuming
from drovi_assets.consumers.contract import Consumer, Opened, Work
from resources.events import offsets
from resources.events.log import partition_of
from resources.events.offsets import Place
from resources.events.relay import relay
from tests.integration.events.conftest import GROUP, Counting, Plane, Unlimited, counting, name_of

EXAMPLES = int(os.environ.get("DROVI_CRASH_EXAMPLES", "12"))
FINE, FLAKY, BAD, GARBAGE = "fine", "flaky", "bad", "garbage"


class Killed(BaseException):
    """The worker is gone: nothing of it catches this, and its transaction ends with its connection."""


class Boom(Exception):
    """A defect."""


@contextmanager
def _killed_after(plane: Plane, statements: int) -> Iterator[None]:
    """The worker dies before its statement of that number."""
    left = [statements]

    def count(*_args: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    engine = plane.database.worker._engine
    hooks.listen(engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        hooks.remove(engine, "before_cursor_execute", count)


def _restarted(plane: Plane) -> None:
    with plane.database.worker.dispatch() as session:
        session.execute(text("DELETE FROM event"))
        session.execute(text("DELETE FROM consumer_offset"))
        session.execute(text("DELETE FROM delayed_event"))
        session.execute(text("DELETE FROM dead_letter"))
        session.execute(text("DELETE FROM outbox"))
        session.execute(text("DELETE FROM effect"))


def _run(
    plane: Plane, kinds: list[str], kills: list[int], batch: int, step: Callable[[Consumer], object]
) -> None:
    """Publish, consume under a hail of kills, then in peace; hold what is there against what must be."""
    _restarted(plane)
    met: set[str] = set()

    def raises(opened: Opened) -> None:
        name = name_of(opened)
        if name.startswith(BAD):
            raise Boom
        if name.startswith(FLAKY) and name not in met:
            met.add(name)
            raise Boom

    names = [f"{kind}-{n}" for n, kind in enumerate(kinds)]
    plane.publish([b"{" if name.startswith(GARBAGE) else plane.named(name) for name in names])
    consumer = counting(Counting(raises), batch=batch, attempts=3)
    for number in kills:
        with suppress(Killed), _killed_after(plane, number):
            plane.forward()
            relay(plane.database.worker, 100, plane.runtime.events)
            step(consumer)
            plane.step(consumer, consumer.topic.retry)
    plane.drain(consumer)
    dead = Counter(letter.offset for letter in plane.dead())
    assert plane.effects() == {name: 1 for name in names if name.startswith((FINE, FLAKY))}
    assert dead == {n: 1 for n, name in enumerate(names) if name.startswith((BAD, GARBAGE))}


@pytest.fixture
def killable(plane: Plane) -> Plane:
    with psycopg.connect(plane.database.urls.owner, autocommit=True) as session:
        session.execute("GRANT DELETE ON effect TO drovi_worker")
    return plane


_SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_KINDS = st.lists(st.sampled_from([FINE, FINE, FLAKY, BAD, GARBAGE]), min_size=1, max_size=8)
_KILLS = st.lists(st.integers(min_value=0, max_value=40), max_size=4)


@_SETTINGS
@given(kinds=_KINDS, kills=_KILLS, batch=st.integers(min_value=1, max_value=8))
def test_a_kill_between_any_two_statements_loses_and_doubles_nothing(
    killable: Plane, kinds: list[str], kills: list[int], batch: int
) -> None:
    """Sound events take effect once, bad ones are dead once, whatever the moment."""
    _run(killable, kinds, kills, batch, killable.step)


def test_a_consumer_that_moves_its_place_first_is_caught(killable: Plane) -> None:
    """The harness can tell: with the place committed before the effects, a kill loses what was in hand."""

    def place_first(consumer: Consumer) -> None:
        partition = partition_of("one")
        with killable.database.worker.dispatch() as session:
            at = offsets.committed(session, GROUP, consumer.topic)[partition].offset
            events = killable.runtime.events.read(session, consumer.topic, partition, at, consumer.batch)
            if events:
                end = events[-1]
                offsets.commit(session, GROUP, consumer.topic, partition, Place(end.offset + 1, end.sequence))
        with killable.database.worker.dispatch() as session:
            work = Work(killable.runtime, session, Unlimited())
            consuming.handle(work, consumer, events)

    def under_kills() -> None:
        for number in range(40):
            _run(killable, [FINE, FINE, BAD], [number], 2, place_first)

    with pytest.raises(AssertionError):
        under_kills()
