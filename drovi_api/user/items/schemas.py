"""The shapes of items."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from drovi_api.user.documents.schemas import DocumentSummary

ItemKind = Literal["message", "document", "event", "contact", "row"]


class Item(BaseModel):
    """One thing of a source, in Drovi's envelope."""

    id: UUID
    kind: ItemKind
    title: str
    path: str = Field(description="Where it stands in its source.")
    occurred_at: datetime | None = Field(description="When it was written, sent or held, where it says so.")
    superseded_at: datetime | None = Field(description="When a newer version of it took over.")
    connection_id: UUID
    stream: str = Field(description="The collection inside the source.")
    provider_id: str = Field(description="The source's own id.")
    landed_at: datetime = Field(description="When it reached us.")


class ItemDetail(Item):
    """An item with what it came as and what became of it."""

    content_hash: str = Field(description="SHA-256 of the payload and its file, hexadecimal.")
    payload: str = Field(description="The source's own account of it: the exact text that was hashed.")
    metadata: dict[str, Any]
    documents: list[DocumentSummary] = Field(description="Its files: its own first, then attachments.")
