"""The shapes of erasures."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

ErasureKind = Literal["connection", "person", "organisation", "retention"]


class OrganisationErasureRequest(BaseModel):
    """What it takes to have an organisation erased."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str = Field(
        max_length=200, description="The organisation's name, to the letter: nobody does this by mistake."
    )


class OrganisationErasure(BaseModel):
    """Whether the organisation is going to be erased; all null where it is not."""

    begins_at: datetime | None = Field(description="Until then it can be called off.")
    requested_by: UUID | None
    job_id: UUID | None


class Receipt(BaseModel):
    """What an erasure took away: ids and numbers, no content and no names."""

    id: UUID = Field(description="Also the id of the job that did it.")
    kind: ErasureKind
    subject_id: UUID = Field(
        description="The source, person or organisation; for `retention` the organisation."
    )
    counts: dict[str, int] = Field(description="How many rows of each kind, files and vectors went.")
    requested_by: UUID | None = Field(description="Null for what a policy asks for.")
    requested_at: datetime
    finished_at: datetime | None = Field(
        description="Null while it is going on, and where a legal hold stopped it."
    )
