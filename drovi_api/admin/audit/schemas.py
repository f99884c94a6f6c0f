"""The shapes of the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class Entry(BaseModel):
    """One act: who did what to which object, from where."""

    sequence: int = Field(description="Its number in the chain, from 1, without a gap.")
    at: datetime
    actor_kind: str
    actor_id: str
    actor_label: str = Field(description="Name or e-mail address, as it was then.")
    action: str
    subject_kind: str
    subject_id: str
    address: str = Field(description="Where the request came from.")
    request_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Entries(BaseModel):
    """A page of a chain, newest first."""

    items: list[Entry]
    next_before: int | None = Field(description="Pass as `before` for the next page; null on the last.")
