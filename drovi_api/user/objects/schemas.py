"""The shapes of intelligence objects."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from drovi_api.user.evidence.schemas import Quote

Kind = Literal["commitment", "decision", "risk", "claim", "advice", "task"]


class IntelligenceObject(BaseModel):
    """Something that was promised, decided, feared, claimed or advised, with its proof."""

    id: UUID
    kind: Kind
    text: str = Field(description="The statement in one sentence.")
    slots: dict[str, Any] = Field(description="What the statement says, by name: `who`, `what`, `due`, …")
    confidence: float = Field(ge=0, le=1)
    document_id: UUID
    valid_from: datetime | None = Field(description="From when it was true, as far as the source says.")
    valid_to: datetime | None
    recorded_at: datetime = Field(description="When we learnt it.")
    superseded_at: datetime | None = Field(description="When a later version replaced it.")
    stale_since: datetime | None = Field(
        description="Since when it is so old that nobody should rest on it unasked: a commitment a quarter after its"
        " day, a risk, a claim or advice two years after it was said."
    )
    evidence: list[Quote] = Field(min_length=1, description="Never empty: no evidence, no object.")
