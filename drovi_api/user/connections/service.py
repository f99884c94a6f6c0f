"""What a connection must satisfy before it is stored, and when it may be synced."""

from __future__ import annotations

from uuid import UUID

from drovi_api.dependencies import WriteSession, require
from drovi_api.user.connections import repository
from drovi_api.user.connections.schemas import Connection, NewConnection
from drovi_assets.connectors.connections import create_connection
from drovi_assets.connectors.sources.documents import Documents
from resources.audit import Action
from resources.errors import Conflict
from resources.permissions import Permission
from resources.secrets import SecretBox

_READS_THE_SERVER = frozenset({Documents.name})


def create(session: WriteSession, secrets: SecretBox, new: NewConnection) -> Connection:
    """Link a source.

    Raises:
        Forbidden: the caller may not connect a folder of the server, or the policies allow no source of this kind.
        Invalid: there is no such connector, or its settings are not acceptable.
        Conflict: the name is taken.
    """
    if new.connector in _READS_THE_SERVER:
        require(session.principal, Permission.CONNECT_SERVER_FOLDERS)
    connection_id = create_connection(
        session.connection,
        session.principal,
        secrets,
        connector=new.connector,
        name=new.name,
        config=new.config,
        visibility=new.visibility,
        actor=session.actor,
        request_id=session.origin.request_id,
    )
    return repository.one(session, connection_id)


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
