"""The shapes of exports."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

ExportStatus = Literal["preparing", "ready", "failed"]


class ExportPart(BaseModel):
    """One file of an export."""

    name: str = Field(examples=["document-00004.jsonl", "members.csv", "manifest.json"])
    rows: int
    bytes: int
    sha256: str


class Export(BaseModel):
    """Everything that its requester might read of the organisation, as files, for some days."""

    id: UUID
    status: ExportStatus
    job_id: UUID
    requested_at: datetime
    finished_at: datetime | None
    expires_at: datetime


class ExportDetail(Export):
    """An export with its parts, those that are ready so far."""

    parts: list[ExportPart]
