"""The shapes of kill switches."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$"),
]


class NewKillSwitch(BaseModel):
    """What is to stand still: one kind of source, one organisation, or, where neither is named, everything."""

    model_config = ConfigDict(extra="forbid")

    connector: str | None = Field(None, max_length=100, description="A kind of source.")
    organisation_id: UUID | None = None
    reason: Reason = Field(description="For whoever finds it thrown.")


class KillSwitch(BaseModel):
    """A switch that is thrown."""

    id: UUID
    connector: str | None
    organisation_id: UUID | None
    reason: str
    thrown_by: str
    thrown_at: datetime


class KillSwitches(BaseModel):
    """Every switch that is thrown, the oldest first."""

    items: list[KillSwitch]
