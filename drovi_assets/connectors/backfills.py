"""Asking for a source's history to be read: what may be asked for, and the job that does it; for the API and the command line alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from drovi_assets.connectors.registry import spec_of
from drovi_assets.connectors.windows import Span
from resources import job_rows
from resources.audit import Action, Actor, record
from resources.clock import now
from resources.database import sole
from resources.errors import Conflict, Invalid
from resources.job_rows import Backfill
from resources.schema import connection as connection_table
from resources.tenancy import Principal


def ask_backfill(
    session: Connection,
    principal: Principal,
    connection_id: UUID,
    actor: Actor,
    *,
    stream: str | None = None,
    window: Span | None = None,
    full_refresh: bool = False,
    request_id: str = "",
) -> UUID:
    """The job that reads what is left of a source's history, or with ``full_refresh`` all of it again, ids kept.

    Of one stream, and of the windows that a span touches, where they are named. The same request finds the same job until
    that is over. Audited where it made one.

    Raises:
        NotFound: there is no such connection for the caller.
        Conflict: it is paused, or waits for its owner.
        Invalid: it has no such stream or windows; with what there is.
    """
    columns = (connection_table.c[name] for name in ("connector", "config", "status", "status_detail"))
    mine = (connection_table.c.id == connection_id) & (connection_table.c.status != "erasing")
    row = sole(session.execute(select(*columns).where(mine)).all(), "connection")
    if row.status == "paused":
        raise Conflict("The connection is paused.", remedy="Resume it before you have its history read.")
    if row.status == "needs_person":
        raise Conflict("The connection waits for its owner.", remedy=row.status_detail)
    _check(row.connector, row.config, stream, window)
    asked = Backfill(connection_id, stream, None if window is None else str(window), full_refresh)
    wanted = asked.wanted(principal.org_id, requested_by=principal.user_id)
    job_id, anew = job_rows.renew(session, wanted)
    if anew:
        record(
            session,
            actor,
            Action.CONNECTION_BACKFILL_REQUESTED,
            "connection",
            connection_id,
            # Not the stream: a private source's may be the name of a table.
            after={"job_id": str(job_id), "window": asked.window, "full_refresh": full_refresh},
            request_id=request_id,
        )
    return job_id


def _check(connector: str, config: Mapping[str, Any], named: str | None, window: Span | None) -> None:
    spec = spec_of(connector)
    if not spec.is_read:
        raise Invalid(
            f"{spec.title}: there is no history to read, since everything is pushed.",
            remedy="Have its sender send again what is missing.",
        )
    streams = spec.streams(config)
    if named is not None and all(named != one.name for one in streams):
        there = ", ".join(one.name for one in streams)
        raise Invalid(
            f"The source has no stream {named!r}.",
            remedy=f"Name one of these, or none for all of them: {there}.",
        )
    if window is None:
        return
    if window.end <= window.start:
        raise Invalid(
            "The window ends before it has begun.",
            remedy="Give an end that is later than the start: the end's own day is not among those read.",
        )
    if window.start > now().date():
        raise Invalid(
            "The window lies in the future.",
            remedy="Give a start that has been; what is yet to come is read by itself.",
        )
    if not any(one.dated for one in streams if named in {None, one.name}):
        raise Invalid(
            "The history of this is not cut by time: there are no windows.",
            remedy="Leave the window out to have all of it read.",
        )
