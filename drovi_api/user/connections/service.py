"""What a connection must satisfy before it is stored, who sees it, and when it may be synced."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func

from drovi_api.dependencies import WriteSession, require
from drovi_api.runtime import ApiRuntime
from drovi_api.user.connections import repository
from drovi_api.user.connections.schemas import (
    Connection,
    ConnectionChange,
    CreatedConnection,
    NewBackfill,
    NewConnection,
    NewRhythm,
    Visibility,
)
from drovi_api.user.intakes.schemas import OpenedIntake
from drovi_assets.connectors import rhythms
from drovi_assets.connectors.backfills import ask_backfill
from drovi_assets.connectors.connections import create_connection
from drovi_assets.connectors.sources.documents import Documents
from drovi_assets.connectors.windows import Span
from resources import letters
from resources.audit import Action
from resources.errors import Conflict, Forbidden
from resources.permissions import Permission
from resources.schedules import Rhythm

_READS_THE_SERVER = frozenset({Documents.name})


def create(session: WriteSession, runtime: ApiRuntime, new: NewConnection) -> CreatedConnection:
    """Link a source.

    Raises:
        Forbidden: the caller may not connect a folder of the server, or the policies allow no source of this kind.
        Invalid: there is no such connector, or its settings or its rhythm are not acceptable.
        Conflict: the name is taken.
    """
    if new.connector in _READS_THE_SERVER:
        require(session.principal, Permission.CONNECT_SERVER_FOLDERS)
    created = create_connection(
        session.connection,
        session.principal,
        runtime.secrets,
        connector=new.connector,
        name=new.name,
        config=new.config,
        visibility=new.visibility,
        rhythm=_rhythm(new.rhythm),
        actor=session.actor,
        request_id=session.origin.request_id,
    )
    opened = created.intake
    shown = opened and OpenedIntake.of(opened, runtime.public_url)
    return CreatedConnection(**repository.one(session, created.id).model_dump(), intake=shown)


def change(session: WriteSession, connection_id: UUID, wanted: ConnectionChange) -> Connection:
    """Have a source be otherwise, in what is named; of no effect where it is so already. Raises as ``set_visibility``.

    Raises:
        Invalid: the rhythm is none.
    """
    own(session, connection_id)
    if "rhythm" in wanted.model_fields_set:
        rhythms.set_rhythm(
            session.connection,
            connection_id,
            _rhythm(wanted.rhythm),
            session.actor,
            request_id=session.origin.request_id,
        )
    return repository.one(session, connection_id)


def _rhythm(given: NewRhythm | None) -> Rhythm | None:
    return None if given is None else rhythms.sync_rhythm(**given.model_dump())


def set_visibility(
    session: WriteSession, runtime: ApiRuntime, connection_id: UUID, visibility: Visibility
) -> Connection:
    """Share a private source, or take it back; of no effect where it is so already.

    Everything it brought and all that was derived from it follows with the commit: rows point at the source, and
    whom that opens to is asked at every request (docs/decisions, 0007).

    Raises:
        NotFound: there is no such connection for the caller.
        Forbidden: it is somebody else's.
    """
    before = own(session, connection_id)
    if before.visibility == visibility:
        return before
    repository.change(session, connection_id, visibility=visibility)
    if visibility == "ORG_SHARED":
        owner = repository.owner(session)
        letters.queue(
            session.connection,
            runtime.secrets,
            to=owner.email,
            locale=owner.locale,
            template="source_shared",
            values={
                "recipient": owner.name,
                "actor": owner.name,
                "organisation": owner.organisation,
                "source": before.name,
                "link": runtime.public_url,
            },
            org_id=session.principal.org_id,
        )
    session.audit(
        Action.CONNECTION_SHARED if visibility == "ORG_SHARED" else Action.CONNECTION_MADE_PRIVATE,
        "connection",
        connection_id,
        before={"visibility": before.visibility},
        after={"visibility": visibility},
    )
    return repository.one(session, connection_id)


def pause(session: WriteSession, connection_id: UUID) -> Connection:
    """Leave a source alone until it is resumed: what it brought stays. Raises as ``set_visibility``."""
    before = own(session, connection_id)
    if before.status == "paused":
        return before
    repository.change(session, connection_id, status="paused", status_detail="")
    return _told(session, Action.CONNECTION_PAUSED, before)


def resume(session: WriteSession, connection_id: UUID) -> Connection:
    """Read a paused source again, from where it was left, at once; raises as ``set_visibility``.

    Raises:
        Conflict: it waits for something else than this.
    """
    before = own(session, connection_id)
    if before.status == "active":
        return before
    if before.status == "needs_person":
        raise Conflict("The connection is not paused: it waits for you.", remedy=before.status_detail)
    repository.change(session, connection_id, status="active", next_sync_at=func.now())
    return _told(session, Action.CONNECTION_RESUMED, before)


def own(session: WriteSession, connection_id: UUID) -> Connection:
    """A connection of the caller's own.

    Raises:
        NotFound: there is no such connection for the caller; a private one of somebody else is none.
        Forbidden: it is somebody else's.
    """
    connection = repository.one(session, connection_id)
    if connection.owner_id != session.principal.user_id:
        raise Forbidden("Only a source's owner may do that.", remedy="Ask its owner to do it.")
    return connection


def _told(session: WriteSession, action: Action, before: Connection) -> Connection:
    after = repository.one(session, before.id)
    session.audit(
        action, "connection", before.id, before={"status": before.status}, after={"status": after.status}
    )
    return after


def sync(session: WriteSession, connection_id: UUID, idempotency_key: str | None) -> UUID:
    """The id of the job that will read the connection now.

    Raises:
        NotFound: there is no such connection for the caller.
        Conflict: it is paused.
    """
    connection = repository.one(session, connection_id)
    if connection.status == "paused":
        raise Conflict("The connection is paused.", remedy="Resume it before you sync it.")
    job_id, asked_anew = repository.request_sync(session, connection_id, idempotency_key)
    if asked_anew:
        session.audit(
            Action.CONNECTION_SYNC_REQUESTED, "connection", connection_id, after={"job_id": str(job_id)}
        )
    return job_id


def backfill(session: WriteSession, connection_id: UUID, wanted: NewBackfill) -> UUID:
    """The id of the job that will read the connection's history. Raises as ``ask_backfill``."""
    window = None if wanted.window is None else Span(wanted.window.start, wanted.window.end)
    return ask_backfill(
        session.connection,
        session.principal,
        connection_id,
        session.actor,
        stream=wanted.stream,
        window=window,
        full_refresh=wanted.full_refresh,
        request_id=session.origin.request_id,
    )
