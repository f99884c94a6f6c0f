"""One envelope for everything: what kind of thing an item is, what it is called, where it lives, when it was.

Pure: a source item's payload goes in, a ``Draft`` comes out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from resources.records import PUSHED_STREAM

NORMALISER_VERSION = "1"
"""Changes whenever the same item would come out differently."""

_MAIL_SUFFIXES = (".eml",)


@dataclass(frozen=True, slots=True)
class SourceItem:
    """A landed item as the pipeline reads it.

    ``blob`` is the object store's digest of its file, if it has one; ``settings`` its connection's configuration,
    which says how its rows are to be read.
    """

    id: UUID
    connection_id: UUID
    audience_id: UUID
    stream: str
    provider_id: str
    payload: str
    blob: str | None
    occurred_at: datetime | None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """A record before it is stored. ``path`` is its address inside its connection."""

    kind: str
    title: str
    path: str
    occurred_at: datetime | None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowReading:
    """How a table's rows are read: the columns of text (all where none is named), and what a row is called."""

    columns: tuple[str, ...] = ()
    title: str = ""


def row_reading(item: SourceItem, row: Mapping[str, Any]) -> RowReading:
    """What the connection's owner said of the item's table; everything is text where they said nothing."""
    for table in item.settings.get("tables") or ():
        if item.stream == f"{table.get('schema', 'public')}.{table['table']}":
            column = table.get("title")
            return RowReading(tuple(table.get("text") or ()), str(row.get(column) or "") if column else "")
    return RowReading()


def normalise(item: SourceItem) -> Draft:
    """The envelope of an item: a file is a document or, by its name, a message, as what was pushed is; else it is a row."""
    payload = json.loads(item.payload)
    if item.stream == PUSHED_STREAM:
        said = {name: payload[name] for name in ("author", "url") if payload.get(name)}
        return Draft("message", payload["title"], f"{item.stream}/{item.provider_id}", item.occurred_at, said)
    if item.blob is None:
        title = row_reading(item, payload).title or f"{item.stream} {item.provider_id}"
        return Draft("row", title, f"{item.stream}/{item.provider_id}", item.occurred_at)
    path = str(payload.get("path") or item.provider_id)
    kind = "message" if path.lower().endswith(_MAIL_SUFFIXES) else "document"
    return Draft(kind, path.rsplit("/", 1)[-1], path, item.occurred_at, {"bytes": payload.get("bytes")})
