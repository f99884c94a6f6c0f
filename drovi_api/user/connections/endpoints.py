"""Routes of connections."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Header

from drovi_api.dependencies import Reads, Runtime, Writes, feature, requires
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.user.connections import repository, service
from drovi_api.user.connections.schemas import (
    Connection,
    ConnectionChange,
    CreatedConnection,
    NewBackfill,
    NewConnection,
    NewVisibility,
)
from drovi_api.user.jobs import repository as jobs
from drovi_api.user.jobs.schemas import Job
from resources.permissions import Permission

router = feature("/connections", "connections")

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        description="A repeat of the same key for the same connection answers with the job of the first.",
    ),
]


@router.post(
    "",
    operation_id="create_connection",
    summary="Connect a source",
    status_code=201,
    responses=problem_responses(409),
)
@requires(Permission.CONNECT_SOURCES)
def create_connection(session: Writes, runtime: Runtime, body: NewConnection) -> CreatedConnection:
    """Store a connection; its first sync starts by itself. Secrets go in sealed and never come out."""
    return service.create(session, runtime, body)


@router.get("", operation_id="list_connections", summary="List connections")
def list_connections(
    session: Reads, cursor: CursorText = None, limit: Limit = DEFAULT_LIMIT
) -> Page[Connection]:
    """The organisation's shared connections and the caller's private ones, newest first."""
    return repository.page(session, cursor, limit)


@router.get(
    "/{connection_id}",
    operation_id="get_connection",
    summary="Read a connection",
    responses=problem_responses(404),
)
def get_connection(session: Reads, connection_id: UUID) -> Connection:
    """One connection: its settings without secrets, and how it does."""
    return repository.one(session, connection_id)


@router.patch(
    "/{connection_id}",
    operation_id="update_connection",
    summary="Change a connection",
    responses=problem_responses(404),
)
@requires(Permission.CONNECT_SOURCES)
def update_connection(session: Writes, connection_id: UUID, body: ConnectionChange) -> Connection:
    """How often it is read, by its owner: its next sync is reckoned anew from now on."""
    return service.change(session, connection_id, body)


@router.post(
    "/{connection_id}/sync",
    operation_id="sync_connection",
    summary="Sync now",
    status_code=202,
    responses=problem_responses(404, 409),
)
@requires(Permission.SYNC_SOURCES)
def sync_connection(session: Writes, connection_id: UUID, idempotency_key: IdempotencyKey = None) -> Job:
    """Ask for a sync; follow the job that is returned."""
    return jobs.one(session, service.sync(session, connection_id, idempotency_key))


@router.post(
    "/{connection_id}/backfill",
    operation_id="backfill_connection",
    summary="Read a source's history",
    status_code=202,
    responses=problem_responses(404, 409),
)
@requires(Permission.SYNC_SOURCES)
def backfill_connection(session: Writes, connection_id: UUID, body: NewBackfill) -> Job:
    """What is left of it, or all of it again. The same request answers with the same job until that is over."""
    return jobs.one(session, service.backfill(session, connection_id, body))


@router.post(
    "/{connection_id}/visibility",
    operation_id="set_connection_visibility",
    summary="Share a source, or take it back",
    responses=problem_responses(404),
)
@requires(Permission.SHARE_SOURCES)
def set_connection_visibility(
    session: Writes, runtime: Runtime, connection_id: UUID, body: NewVisibility
) -> Connection:
    """Its owner's decision alone. What was derived from it follows at once, for open streams too."""
    return service.set_visibility(session, runtime, connection_id, body.visibility)


@router.post(
    "/{connection_id}/pause",
    operation_id="pause_connection",
    summary="Pause a source",
    responses=problem_responses(404),
)
@requires(Permission.CONNECT_SOURCES)
def pause_connection(session: Writes, connection_id: UUID) -> Connection:
    """It is not read until its owner resumes it; what it brought stays."""
    return service.pause(session, connection_id)


@router.post(
    "/{connection_id}/resume",
    operation_id="resume_connection",
    summary="Resume a source",
    responses=problem_responses(404, 409),
)
@requires(Permission.CONNECT_SOURCES)
def resume_connection(session: Writes, connection_id: UUID) -> Connection:
    """It is read again at once, from where it was left."""
    return service.resume(session, connection_id)
