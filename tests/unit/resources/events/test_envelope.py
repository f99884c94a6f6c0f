"""Events of before are understood for as long as there may be one: each type and version has one here as it was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema
import pytest

from resources.errors import Invalid
from resources.events.envelope import BODIES, EventType, ItemsPushed, PushedItem, body_of, opened, tell
from resources.events.log import LARGEST_EVENT
from resources.events.reference import schema

GOLDEN = Path(__file__).parent / "golden"
KNOWN = sorted((str(event_type), version) for event_type, version in BODIES)


def _golden(event_type: str, version: int) -> dict[str, Any]:
    return json.loads((GOLDEN / f"{event_type}.{version}.json").read_text(encoding="utf-8"))


def _opened(event: dict[str, Any]) -> Any:
    return body_of(opened(json.dumps(event).encode()))


def _kept(written: Any, read: Any) -> bool:
    """Whether all that was written is in what was read."""
    if isinstance(written, dict):
        return all(name in read and _kept(value, read[name]) for name, value in written.items())
    if isinstance(written, list):
        return len(written) == len(read) and all(map(_kept, written, read))
    return bool(written == read)


def test_each_type_and_version_has_an_event_here_and_none_was_forgotten() -> None:
    """What is deleted here is no longer understood: an old event of it would go to the dead letters."""
    assert {path.name for path in GOLDEN.iterdir()} == {f"{kind}.{version}.json" for kind, version in KNOWN}


@pytest.mark.parametrize(("event_type", "version"), KNOWN)
def test_an_event_of_before_is_understood_whole(event_type: str, version: int) -> None:
    """No field of it was renamed, dropped or retyped, and none that it lacks is asked for."""
    event = _golden(event_type, version)
    body = _opened(event)
    assert type(body) is BODIES[EventType(event_type), version][1]
    assert _kept(event["body"], body.model_dump(mode="json"))


@pytest.mark.parametrize(("event_type", "version"), KNOWN)
def test_fields_of_a_later_day_are_ignored(event_type: str, version: int) -> None:
    """In the envelope, the body and what is in it."""
    event = _golden(event_type, version)
    later = {**event, "trace": "x", "body": {**event["body"], "priority": 3}}
    if "items" in later["body"]:
        later["body"]["items"] = [{**item, "language": "fr"} for item in later["body"]["items"]]
    assert _opened(later) == _opened(event)


@pytest.mark.parametrize(("event_type", "version"), KNOWN)
def test_the_schema_tells_events_apart(event_type: str, version: int) -> None:
    """As an outside reader holds them against it: one type and version each."""
    validator = jsonschema.Draft202012Validator(schema())
    event = _golden(event_type, version)
    validator.validate(event)
    assert not validator.is_valid({**event, "version": 99})
    for field in event["body"]:
        assert not validator.is_valid(
            {**event, "body": {name: value for name, value in event["body"].items() if name != field}}
        )


@pytest.mark.parametrize(
    "change",
    [
        {"type": "items.lost"},
        {"version": 99},
        {"version": 0},
        {"org_id": "nobody"},
        {"body": {}},
        {"body": "text"},
    ],
)
def test_what_nobody_understands_is_invalid(change: dict[str, Any]) -> None:
    """And says what to do about it."""
    with pytest.raises(Invalid) as raised:
        _opened({**_golden("source.changed", 1), **change})
    assert raised.value.remedy


@pytest.mark.parametrize("payload", [b"", b"{", b"null", b"[]", b"\xff\xfe", b'{"id": 1}'])
def test_a_payload_that_is_no_event_is_invalid(payload: bytes) -> None:
    with pytest.raises(Invalid):
        opened(payload)


def test_a_reason_does_not_quote_content() -> None:
    """It reaches logs and administrators, who may not read what a source said."""
    event = _golden("items.pushed", 1)
    event["body"]["items"][0]["version"] = "the secret clause"
    with pytest.raises(Invalid) as raised:
        _opened(event)
    assert "secret" not in str(raised.value)
    assert "items.0.version" in str(raised.value)


def test_an_event_that_no_log_takes_is_refused_when_it_is_told() -> None:
    """Later it would hold up all that waits behind it."""
    item = PushedItem(provider_id="m-1", version=1, payload="x" * LARGEST_EVENT)
    body = ItemsPushed(connection_id=uuid4(), stream="messages", items=(item,))
    with pytest.raises(Invalid, match="too large"):
        tell(None, uuid4(), body, key="m")  # type: ignore[arg-type]
