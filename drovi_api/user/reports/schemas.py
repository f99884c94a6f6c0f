"""The shapes of reports."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Told = Literal["none", "daily", "weekly"]


class ReportCounts(BaseModel):
    """What the caller may see of a period, in counts."""

    model_config = ConfigDict(from_attributes=True)

    since: datetime
    until: datetime
    commitments: int = Field(description="New in the period, as the four that follow.")
    decisions: int
    risks: int
    claims: int
    advice: int
    due_soon: int = Field(description="Commitments that fall due within seven days.")
    overdue: int = Field(description="Commitments whose day has passed, less those that are stale.")


class ReportSubscription(BaseModel):
    """How often the caller is told by mail."""

    model_config = ConfigDict(extra="forbid")

    period: Told = Field(description="`none` is where everybody begins.")
