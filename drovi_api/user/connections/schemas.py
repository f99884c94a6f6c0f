"""The shapes of connections."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from drovi_api.user.intakes.schemas import OpenedIntake
from drovi_assets.connectors.rhythms import LONGEST_SECONDS, SHORTEST_SECONDS

Visibility = Literal["ORG_SHARED", "PRIVATE"]
ConnectionStatus = Literal["active", "paused", "needs_person"]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class NewRhythm(BaseModel):
    """How often a source is to be read: by an interval or by a cron expression, one of the two."""

    model_config = ConfigDict(extra="forbid")

    interval_seconds: int | None = Field(
        None, description=f"From {SHORTEST_SECONDS} to {LONGEST_SECONDS}.", examples=[900]
    )
    cron: str | None = Field(
        None,
        max_length=100,
        description="Minute, hour, day, month and weekday.",
        examples=["0 7 * * 1-5"],
    )
    timezone: str | None = Field(
        None,
        max_length=100,
        description="The time zone that the cron expression is read in; UTC where none is given.",
        examples=["Europe/Paris"],
    )


class Rhythm(BaseModel):
    """How often a source is read: by an interval, or by a cron expression in a time zone."""

    interval_seconds: int | None = Field(None, description="Null where it is read by a cron expression.")
    cron: str | None = Field(None, description="Null where it is read by an interval.")
    timezone: str | None = Field(None, description="The time zone of the cron expression.")


class NewConnection(BaseModel):
    """What it takes to connect a source."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    connector: str = Field(
        max_length=100, description="The kind of source.", examples=["documents", "postgres", "feed"]
    )
    name: Name = Field(description="How people will call it; unique in the organisation.")
    visibility: Visibility | None = Field(
        None,
        description="Who sees what it brings: everyone in the organisation, or its owner alone; none: as the "
        "organisation's policies say.",
    )
    config: dict[str, Any] = Field(
        default={},
        description="The connector's own settings. Secrets among them are sealed and never returned.",
    )
    rhythm: NewRhythm | None = Field(
        None, description="How often it is read after its first sync; null: as its kind of source is."
    )


class ConnectionChange(BaseModel):
    """What is to be otherwise; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    rhythm: NewRhythm | None = Field(
        None,
        description="How often it is read from now on, in place of the rhythm before; null: as its kind of source is.",
    )


class BackfillWindow(BaseModel):
    """Days of UTC. The months and years of the source's history that they lie in are read, whole."""

    model_config = ConfigDict(extra="forbid")

    start: date = Field(description="The first day.", examples=["2024-01-01"])
    end: date = Field(description="The day after the last one.", examples=["2024-07-01"])


class NewBackfill(BaseModel):
    """What of a source's history is to be read."""

    model_config = ConfigDict(extra="forbid")

    stream: str | None = Field(
        None,
        max_length=500,
        description="One of the source's streams; null: all of them.",
        examples=["files"],
    )
    window: BackfillWindow | None = Field(None, description="From when to when; null: all there is.")
    full_refresh: bool = Field(
        default=False,
        description="Whether what was read is read again, from empty. Ids stay; what is gone at the source goes.",
    )


class NewVisibility(BaseModel):
    """Who is to see a source from now on."""

    model_config = ConfigDict(extra="forbid")

    visibility: Visibility = Field(description="Everyone in the organisation, or its owner alone.")


class Connection(BaseModel):
    """An organisation's link to a source, without its secrets."""

    id: UUID
    connector: str
    name: str
    visibility: Visibility
    owner_id: UUID
    owner_name: str | None = Field(description="Who connected it; null where they are no member any more.")
    config: dict[str, Any] = Field(description="The connector's settings without its secrets.")
    status: ConnectionStatus
    status_detail: str = Field(description="What its owner has to do, where the status is `needs_person`.")
    rhythm: Rhythm
    last_synced_at: datetime | None
    next_sync_at: datetime
    created_at: datetime


class CreatedConnection(Connection):
    """A new connection, with what its sender is given where it is pushed to."""

    intake: OpenedIntake | None = Field(description="Null for a source that is read. It is shown this once.")
