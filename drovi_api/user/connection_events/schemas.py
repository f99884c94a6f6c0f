"""The shape of what is told of connections."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from drovi_api.user.connections.schemas import ConnectionStatus, Visibility


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
