"""The shapes of background work, as those who run the platform see it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from drovi_api.user.jobs.schemas import JobStatus

Argument = Annotated[str, Field(max_length=500)] | int | float | bool | None


class AdminJob(BaseModel):
    """A unit of background work: ids, dates and numbers. Why it failed is told to its owners alone."""

    id: UUID
    organisation_id: UUID | None = Field(description="Null: the platform's own work.")
    connection_id: UUID | None
    kind: str
    status: JobStatus
    arguments: dict[str, Any]
    progress: dict[str, Any]
    attempts: int
    max_attempts: int
    run_at: datetime = Field(description="When it is due, or was.")
    lease_expires_at: datetime | None = Field(description="By when its worker has to give a sign.")
    error_code: str | None
    dagster_run_id: str | None
    cancel_requested_at: datetime | None
    replay_of: UUID | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Replay(BaseModel):
    """What is to be different this time."""

    model_config = ConfigDict(extra="forbid")

    arguments: dict[Annotated[str, Field(min_length=1, max_length=100)], Argument] = Field(
        default={}, max_length=20, description="Arguments in place of the first job's of the same name."
    )
