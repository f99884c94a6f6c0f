"""Poison among thousands of messages: nobody else waits for it, nothing is lost, and once it is mended all of it comes through.

The size is that of ``DROVI_POISON_MESSAGES``: a few hundred in the tests, the 10,000 of the figures by hand.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from drovi_assets.consumers import dead_letters, headers
from drovi_assets.consumers.contract import Consumer, Opened
from drovi_assets.consumers.dead_letters import Which
from resources.events.envelope import Topic
from resources.events.log import PARTITIONS, partition_of
from resources.events.relay import relay
from tests.integration.events.conftest import Counting, Plane, counting, name_of

MESSAGES = int(os.environ.get("DROVI_POISON_MESSAGES", "600"))
ATTEMPTS = 3
FINE, CRASHING, MOODY = "fine", "crashing", "moody"


class Boom(Exception):
    """What a handler dies of."""


@dataclass
class Broken:
    """Crashes at what is called crashing until it is mended, and at the first meeting of what is moody."""

    mended: bool = False
    met: set[str] = field(default_factory=set)

    def __call__(self, opened: Opened) -> None:
        name = name_of(opened)
        if name.startswith(CRASHING) and not self.mended:
            raise Boom(name)
        if name.startswith(MOODY) and name not in self.met:
            self.met.add(name)
            raise Boom(name)


def _messages(plane: Plane, poison: float) -> list[tuple[str, bytes]]:
    """Name and payload: of every kind of poison as many, among the rest at random."""
    dice = random.Random(11)
    kinds: list[Callable[[str], bytes]] = [
        lambda _name: b"{this is no JSON",
        lambda name: plane.named(name, body={"stream": name}),
        lambda name: plane.named(name, version=99),
        lambda name: plane.named(f"{CRASHING}-{name}"),
        lambda name: plane.named(f"{MOODY}-{name}"),
    ]
    places = dice.sample(range(MESSAGES), int(MESSAGES * poison))
    bad = {place: kinds[number % len(kinds)](str(place)) for number, place in enumerate(places)}
    return [(str(n), bad.get(n) or plane.named(f"{FINE}-{n:06}")) for n in range(MESSAGES)]


def _consume(plane: Plane, consumer: Consumer) -> list[float]:
    """One pass over what there is, retries not due: when each partition was at its end, from the beginning."""
    begin = time.monotonic()
    seconds = []
    for partition in range(PARTITIONS):
        while plane.step(consumer, key=_KEY_OF[partition]).read:
            pass
        seconds.append(time.monotonic() - begin)
    return seconds


def _keys() -> dict[int, str]:
    found: dict[int, str] = {}
    number = 0
    while len(found) < PARTITIONS:
        found.setdefault(partition_of(f"key-{number}"), f"key-{number}")
        number += 1
    return found


_KEY_OF = _keys()


def _publish(plane: Plane, messages: list[tuple[str, bytes]]) -> None:
    plane.publish((payload for _, payload in messages), key=lambda n: _KEY_OF[n % PARTITIONS])


def _names(payloads: list[bytes]) -> set[str]:
    names = set()
    for payload in payloads:
        try:
            items: Any = json.loads(payload)["body"]["items"]
            names.add(items[0]["provider_id"])
        except (ValueError, KeyError):
            pass
    return names


def test_poison_delays_nobody_and_comes_through_once_it_is_mended(plane: Plane) -> None:
    """One in a hundred of five kinds; in the very first pass every sound message is done, in order, whatever is beside it."""
    _publish(plane, _messages(plane, 0.0))
    without = _consume(plane, counting(Counting()))
    plane.forget()
    messages = _messages(plane, 0.01 if MESSAGES >= 2000 else 0.05)
    _publish(plane, messages)
    broken = Broken()
    handler = Counting(broken)
    consumer = counting(handler, attempts=ATTEMPTS)
    seconds = _consume(plane, consumer)
    sound = {name for name in _names([payload for _, payload in messages]) if name.startswith(FINE)}
    done = plane.order()
    assert sound <= set(done)  # no sound one waited for a retry
    for partition in range(PARTITIONS):
        mine = [name for name in done if name.startswith(FINE) and int(name[-6:]) % PARTITIONS == partition]
        assert mine == sorted(mine)
    # Each is handed over anew only while a bad one of its batch is looked for, in parts that are ever smaller.
    assert max(handler.calls[name] for name in sound) <= 4
    late = [round(one - other, 2) for one, other in zip(seconds, without, strict=True)]
    print(
        f"{MESSAGES} messages: {round(without[-1], 2)} s without poison; with it, partitions were {late} s later"
    )

    plane.drain(consumer)
    dead = plane.dead()
    unread = [letter for letter in dead if letter.error_code == "Invalid"]
    crashed = [letter for letter in dead if letter.error_code == "Boom"]
    bad = len(messages) - len(sound)
    assert (
        len(dead)
        == len(unread) + len(crashed)
        == bad - sum(name.startswith(MOODY) for name in plane.effects())
    )
    assert {letter.attempts for letter in unread} == {1}
    assert {letter.attempts for letter in crashed} == {ATTEMPTS}
    always = {headers.GROUP, headers.ORIGIN_TOPIC, headers.ORIGIN_PARTITION, headers.ORIGIN_OFFSET}
    always |= {headers.ATTEMPT, headers.FIRST_ERROR, headers.LAST_ERROR}
    assert all(set(letter.headers) == always for letter in unread)
    assert all(set(letter.headers) == always | {headers.NOT_BEFORE} for letter in crashed)
    assert len(plane.stored(Topic.RAW.dead)) == len(dead)
    assert set(plane.effects().values()) == {1}

    broken.mended = True
    with plane.database.worker.dispatch() as session:
        assert dead_letters.ask_replay(session, Which(error_code="Boom"), "ops@drovi.co") == len(crashed)
        assert dead_letters.carry_out(session, MESSAGES) == len(crashed)
    relay(plane.database.worker, MESSAGES, plane.runtime.events)
    assert plane.drain(consumer).handled == len(crashed)
    # Those of a version that nobody understands have a name, and no handler.
    unreadable = _names([bytes(letter.payload) for letter in unread])
    readable = _names([payload for _, payload in messages]) - unreadable
    assert plane.effects() == dict.fromkeys(readable, 1)
