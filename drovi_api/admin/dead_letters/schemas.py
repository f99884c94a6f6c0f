"""The shapes of dead letters: where an event was, how often it was tried, what became of it. Not what it says."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

DeadLetterStatus = Literal["dead", "replaying", "replayed", "dropped"]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._-]+$")]
Offset = Annotated[int, Field(ge=0, lt=2**63)]


class DeadLetter(BaseModel):
    """An event that was given up."""

    id: UUID
    organisation_id: UUID | None = Field(description="Null: it names no organisation that there is.")
    topic: str = Field(description="Where it was first read.")
    partition: int
    offset: int
    consumer_group: str
    attempts: int
    error_code: str = Field(description="Of the last failure; what it said is for `drovi dlq show`.")
    status: DeadLetterStatus
    settled_by: str | None
    reason: str | None = Field(description="Why it was dropped.")
    died_at: datetime
    settled_at: datetime | None


class Selection(BaseModel):
    """Which dead letters: all that everything named here is true of, and at least one thing is named."""

    model_config = ConfigDict(extra="forbid")

    topic: Name | None = None
    partition: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    first_offset: Offset | None = Field(None, description="From here on; needs a topic and a partition.")
    last_offset: Offset | None = Field(None, description="Up to here; needs a topic and a partition.")
    consumer_group: Name | None = None
    error_code: Name | None = None
    organisation_id: UUID | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Selection:
        if not self.model_dump(exclude_none=True):
            raise ValueError("name at least one thing")
        by_offset = self.first_offset is not None or self.last_offset is not None
        if by_offset and (self.topic is None or self.partition is None):
            raise ValueError("offsets need a topic and a partition")
        return self


Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$"),
]


class Drop(BaseModel):
    """Why an event will never be handled."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class DropSelection(Drop):
    """Which dead letters are dropped, and why."""

    selection: Selection


class Settled(BaseModel):
    """How many were settled by one request."""

    settled: int
    more: bool = Field(
        description="Whether as many as one request takes were settled: ask again for the rest."
    )
