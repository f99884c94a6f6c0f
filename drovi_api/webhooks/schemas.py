"""The shapes of taking messages in."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Accepted(BaseModel):
    """A message is kept and will be worked on; one that came before is kept once."""

    items: int = Field(description="How many items and deletions of it were taken in.")
    skipped: int = Field(description="How many were left out; the connection's owner sees why.")
    repeated: bool = Field(description="Whether a message of this id was taken in before.")
