"""``docs/reference/events.md`` and ``events.json``, written from the envelopes themselves so that they cannot drift."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from resources.events.envelope import BODIES, Envelope, Topic
from resources.events.log import LARGEST_EVENT, PARTITIONS
from resources.events.retention import Retention

_SHAPES = "#/$defs/{model}"
_PREAMBLE = f"""\
# Events

What the event log carries, whether it is in Postgres or in Kafka. A payload is one JSON document in UTF-8, an envelope around the body of its
type, of at most {LARGEST_EVENT // 1024**2} MiB; [events.json](events.json) is the JSON Schema of all of them (draft 2020-12).

A type's body only ever gains optional fields, and readers ignore the fields that they do not know; what else changes is a new version beside
the old one. An event of a type or version that nobody understands goes to the dead letters.

## Topics

Each has {PARTITIONS} partitions, and beside it `<topic>.retry`, what is to be tried again, and `<topic>.dlq`, what was given up. Events of one key are
in one partition, in the order in which what they tell of was committed. How long they are kept is set by `DROVI_EVENT_CONTENT_DAYS`,
`DROVI_EVENT_DAYS` and `DROVI_DEAD_EVENT_DAYS` ([settings](settings.md))."""
_HEADERS = """
## Headers

| header | what it is |
|---|---|
| `drovi-org` | in Kafka: the id of the organisation whose data it is about |
| `drovi-sequence` | in Kafka: the event's number, which rises within a partition; an event that was published twice has it twice |

An event on its way through retries carries further headers, of its attempts, errors and origin."""


def schema() -> dict[str, Any]:
    """JSON Schema: an event is one of these."""
    models: dict[str, type[Any]] = {"Envelope": Envelope} | {
        body.__name__: body for _, body in BODIES.values()
    }
    _, shapes = models_json_schema(
        [(model, "validation") for model in models.values()], ref_template=_SHAPES, title="Events of Drovi"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **shapes,
        "oneOf": [
            {
                "title": f"{event_type}, version {version}",
                "allOf": [{"$ref": _SHAPES.format(model="Envelope")}],
                "properties": {
                    "type": {"const": str(event_type)},
                    "version": {"const": version},
                    "body": {"$ref": _SHAPES.format(model=body.__name__)},
                },
            }
            for (event_type, version), (_, body) in BODIES.items()
        ],
    }


def render_schema() -> str:
    """The schema as it stands in ``docs/reference``."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"


def render_reference() -> str:
    """The same for people, with where each event goes."""
    shapes = schema()["$defs"]
    days = Retention().by_topic()
    lines = [_PREAMBLE, "", "| topic | events | kept | dead ones |", "|---|---|---|---|"]
    for topic in Topic:
        told = ", ".join(
            f"`{event_type}` {version}"
            for (event_type, version), (carrier, _) in BODIES.items()
            if carrier is topic
        )
        lines.append(f"| `{topic}` | {told} | {days[topic]} days | {days[topic.dead]} days |")
    lines += [_HEADERS, "", "## Envelope", "", *_fields(shapes["Envelope"], shapes)]
    for (event_type, version), (topic, body) in BODIES.items():
        shape = shapes[body.__name__]
        heading = f"## {event_type}, version {version}"
        lines += ["", heading, "", shape["description"], "", f"On `{topic}`.", "", *_fields(shape, shapes)]
    return "\n".join(lines) + "\n"


def _fields(shape: Mapping[str, Any], shapes: Mapping[str, Any], within: str = "") -> list[str]:
    head = [] if within else ["| field | type | what it is |", "|---|---|---|"]
    return head + list(_rows(shape, shapes, within))


def _rows(shape: Mapping[str, Any], shapes: Mapping[str, Any], within: str) -> Iterator[str]:
    for name, field in shape["properties"].items():
        optional = "" if name in shape.get("required", ()) else " (optional)"
        yield f"| `{within}{name}`{optional} | {_type(field, shapes)} | {field.get('description', '')} |"
        inner = field.get("items", {}).get("$ref")
        if inner:
            yield from _rows(shapes[inner.rpartition("/")[2]], shapes, f"{within}{name}[].")


def _type(field: Mapping[str, Any], shapes: Mapping[str, Any]) -> str:
    if "$ref" in field:
        target = shapes[field["$ref"].rpartition("/")[2]]
        return (
            "one of " + ", ".join(f"`{value}`" for value in target["enum"]) if "enum" in target else "object"
        )
    if "anyOf" in field:
        return " or ".join(_type(one, shapes) for one in field["anyOf"])
    if field.get("type") == "array":
        return f"array of {_type(field['items'], shapes)}"
    return str(field.get("format") or field["type"])
