"""The shape of what is told of connections."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from drovi_api.user.connections.schemas import ConnectionStatus, Visibility


class Progress(BaseModel):
    """How far the reading of a connection's history is."""

    items: int = Field(description="How many items were read so far.")
    windows_done: int = Field(description="How many stretches of time were read to their end.")
    windows_total: int
    eta_seconds: int | None = Field(
        description="About how long the rest takes at the pace so far; null until one is known."
    )
    last_error: str | None = Field(
        description="The code that its source failed with, until it answers again."
    )


class ConnectionState(BaseModel):
    """How a connection does, after a change of it."""

    id: UUID
    visibility: Visibility
    status: ConnectionStatus
    status_detail: str = Field(description="What its owner has to do, where the status is `needs_person`.")
    last_synced_at: datetime | None = Field(
        description="When it was last read; told once a minute where reading brings nothing."
    )
    items: int = Field(description="How many items it has brought so far.")
    progress: Progress | None = Field(None, description="Of its history, while that is read.")
