"""The shapes of legal holds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class NewHold(BaseModel):
    """What is to be kept, and why."""

    model_config = ConfigDict(extra="forbid")

    connection_id: UUID | None = Field(
        None, description="The source to keep; null for the whole organisation."
    )
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)] = Field(
        description="For those who manage policies; they all can read it."
    )


class Hold(BaseModel):
    """A duty to keep, until it is released."""

    id: UUID
    connection_id: UUID | None = Field(description="Null for the whole organisation.")
    reason: str
    placed_by: UUID | None
    placed_at: datetime
    released_by: UUID | None
    released_at: datetime | None = Field(description="Null while it stands.")
