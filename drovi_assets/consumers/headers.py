"""The headers of an event that did not simply go through: what is known of its way, as text, on every log alike.

They travel with the event from its first failure on: into a retry topic, to the dead letters, and back to where it came
from when it is replayed. ``origin`` stays where it was first read, whatever topics it went through since.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from resources.events.log import StoredEvent

ATTEMPT: Final = "attempt"
"""How often it has failed."""
GROUP: Final = "group"
"""The consumer group that it failed in; no other is to handle it again."""
NOT_BEFORE: Final = "not-before"
FIRST_ERROR: Final = "first-error"
LAST_ERROR: Final = "last-error"
ORIGIN_TOPIC: Final = "origin-topic"
ORIGIN_PARTITION: Final = "origin-partition"
ORIGIN_OFFSET: Final = "origin-offset"
DEAD_LETTER: Final = "dead-letter"
"""The id of its dead letter: on the topic of the dead."""
REPLAYED_FROM: Final = "replayed-from"
"""The id of the dead letter that it was."""
REPLAYED_AT: Final = "replayed-at"
REPLAYED_BY: Final = "replayed-by"

LONGEST_ERROR: Final = 500
"""Characters of an error that are kept."""


def attempt_of(headers: Mapping[str, str]) -> int:
    """How often it has failed; what cannot be read is never."""
    told = headers.get(ATTEMPT, "")
    return int(told) if told.isdecimal() else 0


def meant_for(headers: Mapping[str, str], group: str) -> bool:
    """Whether the group is to handle it: everybody is, unless it failed in one."""
    return headers.get(GROUP, group) == group


def described(error: Exception) -> str:
    """An error as it is kept: its kind, which is also its code, and what it says."""
    return f"{code_of(error)}: {error}".replace("\0", "�")[:LONGEST_ERROR]


def code_of(error: Exception) -> str:
    """The error's kind, by which dead letters are found: a name from code, never anybody's content."""
    return type(error).__name__


def put_off(event: StoredEvent, group: str, not_before: datetime) -> dict[str, str]:
    """The headers of an event that is to be tried again, no attempt counted."""
    return {**_with_origin(event, group), NOT_BEFORE: not_before.isoformat()}


def failed(event: StoredEvent, group: str, error: Exception) -> dict[str, str]:
    """The headers of an event that failed once more."""
    said = described(error)
    headers = {FIRST_ERROR: said, **_with_origin(event, group)}
    return {**headers, LAST_ERROR: said, ATTEMPT: str(attempt_of(event.headers) + 1)}


def replayed(headers: Mapping[str, str], dead_letter: str, by: str, at: datetime) -> dict[str, str]:
    """The headers of a dead letter on its way back: its attempts begin anew, its history stays."""
    kept = {name: value for name, value in headers.items() if name not in {ATTEMPT, NOT_BEFORE}}
    return {**kept, REPLAYED_FROM: dead_letter, REPLAYED_AT: at.isoformat(), REPLAYED_BY: by}


def _with_origin(event: StoredEvent, group: str) -> dict[str, str]:
    origin = {
        GROUP: group,
        ORIGIN_TOPIC: event.topic,
        ORIGIN_PARTITION: str(event.partition),
        ORIGIN_OFFSET: str(event.offset),
    }
    return {**origin, **event.headers}
