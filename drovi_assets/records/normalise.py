"""One envelope for everything: what kind of thing an item is, what it is called, where it lives, when it was.

Pure: a source item's payload goes in, a ``Draft`` comes out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

NORMALISER_VERSION = "1"
"""Changes whenever the same item would come out differently."""

_MAIL_SUFFIXES = (".eml",)


@dataclass(frozen=True, slots=True)
class SourceItem:
    """A landed item as the pipeline reads it. ``blob`` is the object store's digest of its file, if it has one."""

    id: UUID
    connection_id: UUID
    audience_id: UUID
    stream: str
    provider_id: str
    payload: str
    blob: str | None
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A record before it is stored. ``path`` is its address inside its connection."""

    kind: str
    title: str
    path: str
    occurred_at: datetime | None
    metadata: dict[str, Any] = field(default_factory=dict)


def normalise(item: SourceItem) -> Draft:
    """The envelope of an item: a file is a document or, by its name, a message; anything else is a row."""
    payload = json.loads(item.payload)
    if item.blob is None:
        return Draft(
            "row", f"{item.stream} {item.provider_id}", f"{item.stream}/{item.provider_id}", item.occurred_at
        )
    path = str(payload.get("path") or item.provider_id)
    kind = "message" if path.lower().endswith(_MAIL_SUFFIXES) else "document"
    title = path.rsplit("/", 1)[-1]
    return Draft(kind, title, path, item.occurred_at, {"bytes": payload.get("bytes")})
