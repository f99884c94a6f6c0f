"""Dead letters are found, replayed once and with their history, or dropped with a reason that is on record."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import select, text, update

from drovi_assets.consumers import dead_letters, headers
from drovi_assets.consumers.contract import Opened
from drovi_assets.consumers.dead_letters import Which
from resources.audit import PLATFORM, Actor, ActorKind, newest
from resources.errors import Conflict, Invalid, NotFound
from resources.events.envelope import Topic
from resources.events.log import partition_of
from resources.schema import dead_letter, outbox
from tests.integration.events.conftest import GROUP, Counting, Plane, counting, name_of

OPERATOR = Actor(ActorKind.ADMIN, str(uuid4()), "ops@drovi.co")


class Boom(Exception):
    """A defect, until it is mended."""


@pytest.fixture
def broken() -> Counting:
    """A handler that does not stand what is called bad."""

    def raises(opened: Opened) -> None:
        if name_of(opened).startswith("bad"):
            raise Boom

    return Counting(raises)


def _bury(plane: Plane, broken: Counting, *names: str) -> None:
    plane.publish(map(plane.named, names))
    plane.drain(counting(broken, attempts=2))


def _find(plane: Plane, which: Which) -> list[int]:
    with plane.database.worker.dispatch() as session:
        return sorted(row.offset for row in dead_letters.find(session, which))


def _replay(plane: Plane, which: Which) -> int:
    with plane.database.worker.dispatch() as session:
        asked = dead_letters.ask_replay(session, which, "ops@drovi.co")
        assert dead_letters.carry_out(session) == asked
    return asked


def test_they_are_found_by_what_they_have_in_common(plane: Plane, broken: Counting) -> None:
    """Topic, partition and range, group, error, organisation, time, status."""
    _bury(plane, broken, "bad-0", "good", "bad-2", "bad-3")
    plane.publish([b"{"])
    plane.drain(counting(broken))
    partition = partition_of("one")
    assert _find(plane, Which()) == [0, 2, 3, 4]
    assert _find(plane, Which(error_code="Boom")) == [0, 2, 3]
    assert _find(plane, Which(topic=Topic.RAW, partition=partition, first=2, last=3)) == [2, 3]
    assert _find(plane, Which(topic=Topic.GRAPH)) == []
    assert _find(plane, Which(group="others")) == []
    assert _find(plane, Which(org_id=uuid4())) == []
    assert _find(plane, Which(org_id=plane.org_id)) == [0, 2, 3, 4]
    middle = plane.dead()[-1].died_at
    assert _find(plane, Which(until=middle)) == [0, 2, 3]
    assert _find(plane, Which(since=middle)) == [4]
    assert _find(plane, Which(status="dropped")) == []
    with plane.database.worker.dispatch() as session:
        assert dead_letters.count(session, Which()) == 4
        with pytest.raises(Invalid, match="by partition"):
            dead_letters.find(session, Which(first=2))
        with pytest.raises(NotFound):
            dead_letters.show(session, uuid4())
        assert bytes(dead_letters.show(session, plane.dead()[-1].id).payload) == b"{"


def test_a_replay_after_the_fix_is_handled_once_and_keeps_its_history(plane: Plane, broken: Counting) -> None:
    """Asked for twice and carried out twice it goes back once; where it came from, who sent it and what it failed of stay."""
    _bury(plane, broken, "bad-0", "good", "bad-2")
    letters = {str(row.id): row for row in plane.dead()}
    assert _replay(plane, Which(error_code="Boom")) == 2
    assert _replay(plane, Which(error_code="Boom")) == 0
    with plane.database.worker.dispatch() as session:
        for row in session.execute(select(outbox).where(outbox.c.topic == Topic.RAW)).all():
            letter = letters[row.headers[headers.REPLAYED_FROM]]
            assert row.headers[headers.REPLAYED_BY] == "ops@drovi.co"
            assert row.headers[headers.REPLAYED_AT]
            assert row.headers[headers.FIRST_ERROR] == letter.headers[headers.FIRST_ERROR]
            assert row.headers[headers.ORIGIN_OFFSET] == str(letter.offset)
            assert headers.ATTEMPT not in row.headers
    mended = counting(Counting())
    assert plane.drain(mended).handled == 2
    assert plane.effects() == {"bad-0": 1, "good": 1, "bad-2": 1}
    assert {(row.status, row.settled_by) for row in plane.dead()} == {("replayed", "ops@drovi.co")}
    assert all(row.settled_at for row in plane.dead())


def test_a_replay_is_not_handled_in_the_groups_where_it_did_not_fail(plane: Plane, broken: Counting) -> None:
    """For them it would be a second effect."""
    _bury(plane, broken, "bad")
    _replay(plane, Which())
    others = counting(Counting())
    object.__setattr__(others, "group", "others")
    plane.drain(others)
    assert plane.effects() == {"bad": 1}  # read as it was published first, and the replay passed over
    assert plane.drain(counting(Counting())).handled == 1
    assert plane.effects() == {"bad": 2}


def test_one_that_fails_again_is_a_dead_letter_of_its_own(plane: Plane, broken: Counting) -> None:
    """With the place where it was first read, and attempts counted anew."""
    _bury(plane, broken, "good", "bad")
    _replay(plane, Which())
    plane.drain(counting(broken, attempts=2))
    first, second = sorted(plane.dead(), key=lambda row: row.died_at)
    assert (first.status, second.status, second.attempts) == ("replayed", "dead", 2)
    assert (second.topic, second.partition, second.offset) == (first.topic, first.partition, first.offset)
    assert second.headers[headers.REPLAYED_FROM] == str(first.id)


def test_nobodys_letter_goes_back_once_it_can_be_read(plane: Plane, broken: Counting) -> None:
    """Where it names no organisation that there is it is dead again, and says why."""
    with plane.database.worker.dispatch() as session:
        rows = [
            {
                "topic": Topic.RAW,
                "partition": 0,
                "offset": number,
                "consumer_group": GROUP,
                "key": "one",
                "headers": {headers.GROUP: GROUP},
                "payload": payload,
                "attempts": 1,
                "error_code": "Invalid",
                "error_message": "Invalid: it cannot be read",
            }
            for number, payload in enumerate(
                [plane.named("found"), b"{", plane.named("lost", org_id=str(uuid4()))]
            )
        ]
        session.execute(dead_letter.insert(), rows)
        assert dead_letters.ask_replay(session, Which(), "ops@drovi.co") == 3
        assert dead_letters.carry_out(session) == 1
        (sent,) = session.execute(select(outbox)).all()
    assert sent.org_id == plane.org_id
    assert [(row.status, row.reason) for row in plane.dead()] == [
        ("replayed", None),
        ("dead", "It names no organisation that there is."),
        ("dead", "It names no organisation that there is."),
    ]


def test_dropping_takes_a_reason_and_is_on_record(plane: Plane, broken: Counting) -> None:
    """One entry in the organisation's chain for all of it; nothing of it comes back."""
    _bury(plane, broken, "bad-0", "bad-1", "bad-2")
    with plane.database.worker.dispatch() as session:
        with pytest.raises(Invalid, match="reason"):
            dead_letters.drop(session, Which(topic=Topic.RAW), "  ", OPERATOR)
        with pytest.raises(Conflict, match="every dead letter"):
            dead_letters.drop(session, Which(), "because", OPERATOR)
    first, second, _ = plane.dead()
    with plane.database.worker.dispatch() as session:
        assert dead_letters.drop(session, Which(ids=[first.id, second.id]), "A test of March.", OPERATOR) == 2
    assert [(row.status, row.reason) for row in plane.dead()] == [
        ("dropped", "A test of March."),
        ("dropped", "A test of March."),
        ("dead", None),
    ]
    with plane.database.worker.organisation(plane.org_id) as session:
        entry = newest(session, plane.org_id, 1)[0]
    assert (entry.action, entry.actor_label) == ("dead_letter.dropped", "ops@drovi.co")
    assert entry.after == {"count": 2, "topics": [Topic.RAW], "reason": "A test of March."}
    assert _replay(plane, Which(ids=[first.id, second.id])) == 0


def test_dropping_nobodys_letter_is_on_the_platforms_record(plane: Plane, broken: Counting) -> None:
    """It is no organisation's to read."""
    _bury(plane, broken, "bad")
    with plane.database.worker.dispatch() as session:
        session.execute(update(dead_letter).values(org_id=None))
        assert dead_letters.drop(session, Which(topic=Topic.RAW), "Nobody's.", OPERATOR) == 1
    with plane.database.worker.organisation(PLATFORM) as session:
        assert newest(session, PLATFORM, 1)[0].action == "dead_letter.dropped"


def test_a_replay_that_is_cut_short_goes_back_neither_twice_nor_never(plane: Plane, broken: Counting) -> None:
    """The event and the status are one transaction; two that carry out at once take different ones."""
    _bury(plane, broken, "bad-0", "bad-1")
    with plane.database.worker.dispatch() as session:
        dead_letters.ask_replay(session, Which(), "ops@drovi.co")

    def cut_short() -> None:
        with plane.database.worker.dispatch() as session:
            dead_letters.carry_out(session)
            raise Boom

    with pytest.raises(Boom):
        cut_short()
    with plane.database.worker.dispatch() as one, plane.database.worker.dispatch() as another:
        assert dead_letters.carry_out(one, 1) == 1
        assert dead_letters.carry_out(another) == 1
    with plane.database.worker.dispatch() as session:
        query = text("SELECT count(*) FROM outbox WHERE topic = :topic")
        assert session.execute(query, {"topic": Topic.RAW}).scalar_one() == 2
