"""The shapes of webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from drovi_api.auth.shapes import Input

EventType = Literal["objects.changed"]
WebhookStatus = Literal["active", "paused", "disabled"]
Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class NewWebhook(Input):
    """What it takes to be told of changes."""

    url: Url = Field(
        description="Where messages go: a public host, over HTTPS.",
        examples=["https://hooks.firm.example/drovi"],
    )
    description: Description = Field("", description="For people to know it by.")
    event_types: set[EventType] = Field(min_length=1, description="What it is told of.")


class WebhookChange(Input):
    """What is to be otherwise; what is left out stays."""

    url: Url | None = Field(None, description="Where messages go from now on, those that wait included.")
    description: Description | None = None
    event_types: set[EventType] | None = Field(None, min_length=1)
    status: Literal["active", "paused"] | None = Field(
        None,
        description="`paused`: it is told nothing until it is `active` again, nor afterwards of what was meanwhile.",
    )


class NewWebhookSecret(Input):
    """How the change from one secret to the next goes."""

    overlap_hours: int = Field(
        24, ge=0, le=72, description="For how long messages are signed with the secret before it as well."
    )


class Webhook(BaseModel):
    """An endpoint, without its secret. It is told what its owner may see, by ids."""

    id: UUID
    user_id: UUID = Field(
        description="Its owner: what that member may see it is told of, and it goes with them."
    )
    url: str
    description: str
    event_types: list[EventType]
    status: WebhookStatus
    status_detail: str = Field(description="Why it is `disabled`.")
    failing_since: datetime | None = Field(description="Since when nothing has arrived; null: the last did.")
    created_at: datetime


class CreatedWebhook(Webhook):
    """An endpoint with its secret. It is shown this once."""

    secret: str = Field(description="What messages are signed with, by Standard Webhooks.")


class Delivery(BaseModel):
    """A message to an endpoint, and what became of it."""

    id: UUID = Field(description="The `webhook-id` of every try.")
    endpoint_id: UUID
    type: Literal["objects.changed", "ping"]
    payload: str = Field(description="What is sent, to the byte.")
    status: Literal["pending", "delivered", "dead"]
    attempts: int
    due_at: datetime = Field(description="When it is tried next, where it is pending.")
    last_status: int | None = Field(description="What the endpoint answered last.")
    last_error: str
    created_at: datetime
    finished_at: datetime | None
