"""The shapes of the platform's tenants."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field


class Organisation(BaseModel):
    """A tenant."""

    id: UUID
    name: str
    slug: str
    status: Literal["active", "suspended", "erasing"] = Field(
        description="Only an active one lets its members in."
    )
    members: int
    created_at: datetime
