"""The shapes of jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

Kind = Annotated[str, Field(max_length=100, pattern=r"^[a-z_]+$")]
JobStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class JobError(BaseModel):
    """Why a job failed, or why its last attempt did."""

    code: str
    message: str


class Job(BaseModel):
    """A unit of background work."""

    id: UUID
    kind: str = Field(examples=["sync"])
    connection_id: UUID | None
    arguments: dict[str, Any]
    status: JobStatus
    attempts: int = Field(description="How often it was started.")
    max_attempts: int
    progress: dict[str, Any]
    result: dict[str, Any] | None
    error: JobError | None
    requested_by: UUID | None = Field(description="The user who asked for it; null for a schedule.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None = Field(description="Since when it is to stop.")
