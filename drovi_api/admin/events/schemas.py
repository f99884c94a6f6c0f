"""The shapes of the event plane's state."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Lag(BaseModel):
    """How far a group of consumers is behind in one partition of a topic."""

    group: str
    topic: str
    partition: int
    events: int = Field(description="Events that it has still to read.")
    seconds: float | None = Field(
        description="How long the oldest of them is in the log; null where the log does not say."
    )
    paused_for: str | None = Field(
        description="What its handler needs and cannot reach; null where it goes on."
    )


class Waiting(BaseModel):
    """Events that wait, counted up to 10,000."""

    events: int
    seconds: float = Field(description="How long the first of them is due.")


class EventPlane(BaseModel):
    """How far the event plane is behind."""

    lags: list[Lag]
    outbox: Waiting = Field(description="What is to be published; the relay takes it every few seconds.")
    delayed: Waiting = Field(description="What is to be tried again, later or now.")
    dead_letters: dict[str, int] = Field(description="By topic, what was given up and nobody settled.")
