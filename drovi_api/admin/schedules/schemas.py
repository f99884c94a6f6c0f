"""The shape of schedules."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field


class Schedule(BaseModel):
    """What is asked for by the clock: every so many seconds, or by a cron expression in a time zone."""

    id: UUID
    organisation_id: UUID | None = Field(description="Null: the platform's own work.")
    connection_id: UUID | None
    kind: str = Field(description="The kind of job that it asks for.")
    interval_seconds: int | None
    cron: str | None
    timezone: str
    jitter_seconds: int
    enabled: bool
    next_run_at: datetime | None = Field(description="Null: it is about to be reckoned.")
    last_run_at: datetime | None
    created_at: datetime
