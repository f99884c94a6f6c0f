"""Where an event goes that was not handled: to be tried again later, or to the dead letters.

Written in the transaction that moves the place past it, so it is in exactly one of the three. The relay brings what is
put off back into the log when its time has come, so what stands in a retry topic is always due and never blocks what
stands behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, insert

from drovi_assets.consumers import headers
from drovi_assets.consumers.contract import Consumer
from drovi_assets.consumers.places import database_time
from resources.errors import NeedsPerson, Refused
from resources.events.log import StoredEvent
from resources.schema import dead_letter, delayed_event, outbox

FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 600.0


def put_off(
    connection: Connection, consumer: Consumer, later: Sequence[tuple[StoredEvent, UUID, float]]
) -> None:
    """Events to be tried again after so many seconds, without an attempt counted; each with whose it is."""
    if not later:
        return
    now = database_time(connection)
    rows = []
    for event, org_id, seconds in later:
        due = now + timedelta(seconds=seconds)
        rows.append(_delayed(consumer, event, org_id, headers.put_off(event, consumer.group, due), due))
    connection.execute(insert(delayed_event), rows)


def fail(
    connection: Connection,
    consumer: Consumer,
    failures: Sequence[tuple[StoredEvent, UUID | None, Exception]],
    jitter: float,
) -> tuple[int, int]:
    """Events that failed by themselves: how many are to be tried again, and how many were given up.

    Without an organisation there is nobody to try again for: it is given up at once.
    """
    if not failures:
        return 0, 0
    now = database_time(connection)
    again: list[dict[str, Any]] = []
    dead: list[dict[str, Any]] = []
    for event, org_id, error in failures:
        told = headers.failed(event, consumer.group, error)
        attempts = headers.attempt_of(told)
        if org_id is None or isinstance(error, Refused | NeedsPerson) or attempts >= consumer.attempts:
            dead.append(_dead(event, org_id, error, told))
            continue
        due = now + timedelta(seconds=wait_after(attempts, jitter))
        told[headers.NOT_BEFORE] = due.isoformat()
        again.append(_delayed(consumer, event, org_id, told, due))
    if again:
        connection.execute(insert(delayed_event), again)
    if dead:
        connection.execute(insert(dead_letter), dead)
    if told_of := [_obituary(consumer, letter) for letter in dead if letter["org_id"] is not None]:
        connection.execute(insert(outbox), told_of)
    return len(again), len(dead)


def wait_after(attempts: int, jitter: float) -> float:
    """Seconds until an event that failed so often is tried again: doubling, and up to a quarter more."""
    wait: float = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** (attempts - 1))
    return wait * (1 + jitter / 4)


def _delayed(
    consumer: Consumer, event: StoredEvent, org_id: UUID, told: dict[str, str], due: Any
) -> dict[str, Any]:
    return {
        "org_id": org_id,
        "topic": consumer.topic.retry,
        "key": event.key,
        "headers": told,
        "payload": event.payload,
        "not_before": due,
    }


def _dead(event: StoredEvent, org_id: UUID | None, error: Exception, told: dict[str, str]) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "org_id": org_id,
        "topic": told[headers.ORIGIN_TOPIC],
        "partition": int(told[headers.ORIGIN_PARTITION]),
        "offset": int(told[headers.ORIGIN_OFFSET]),
        "consumer_group": told[headers.GROUP],
        "key": event.key,
        "headers": told,
        "payload": event.payload,
        "attempts": headers.attempt_of(told),
        "error_code": headers.code_of(error),
        "error_message": headers.described(error),
    }


def _obituary(consumer: Consumer, letter: dict[str, Any]) -> dict[str, Any]:
    return {
        "org_id": letter["org_id"],
        "topic": consumer.topic.dead,
        "key": letter["key"],
        "headers": {**letter["headers"], headers.DEAD_LETTER: str(letter["id"])},
        "payload": letter["payload"],
    }
