"""The shapes of intakes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from drovi_assets.connectors.intakes import Opened


class Intake(BaseModel):
    """What came to a source's address. The address itself was shown when it was made."""

    connection_id: UUID
    created_at: datetime
    rotated_at: datetime = Field(description="When its secret was made.")
    received: int = Field(description="How many messages were taken in.")
    last_received_at: datetime | None
    last_items: int | None = Field(description="How many items and deletions the last of them held.")
    last_skipped: int | None = Field(description="How many of the last one were left out.")


class NewSecret(BaseModel):
    """How the change from one secret to the next goes."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: int = Field(
        24, ge=0, le=72, description="For how long the secret before it holds as well; 0: not at all."
    )


class OpenedIntake(BaseModel):
    """What a sender is given. It is shown this once."""

    url: str = Field(description="Where it sends to. Whoever knows it and the secret can push.")
    secret: str = Field(
        description="What it signs with, by Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`."
    )

    @classmethod
    def of(cls, opened: Opened, public_url: str) -> OpenedIntake:
        """As the sender's operator is told."""
        return cls(url=opened.url(public_url), secret=opened.secret)
