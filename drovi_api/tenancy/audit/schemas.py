"""The shapes of the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class AuditEntry(BaseModel):
    """Who did what to which object."""

    sequence: int = Field(description="Its number in the organisation's chain, from 1 and without a gap.")
    at: datetime
    actor_kind: str
    actor_id: str
    actor_label: str = Field(description="The name or e-mail address as it was then.")
    action: str
    subject_kind: str
    subject_id: str
    address: str = Field(description="The network address it was done from.")
    request_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
