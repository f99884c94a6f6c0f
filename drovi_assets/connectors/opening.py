"""A connection's connector, opened with its configuration and its secrets, and closed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from drovi_assets.connectors.contract import Connector
from drovi_assets.connectors.registry import spec_of
from drovi_assets.connectors.runtime import Runtime
from resources.database import sole
from resources.schema import connection as connection_table
from resources.schema import connection_secret
from resources.secrets import Sealed


@contextmanager
def opened(runtime: Runtime, row: Row[Any]) -> Iterator[Connector]:
    """The connector of a connection's row."""
    spec = spec_of(row.connector, runtime.connectors)
    with closing(spec.connect(row.config, _secrets(runtime, row))) as connector:
        yield connector


def call_aside(runtime: Runtime, connection_id: UUID, call: Callable[[Connector], None]) -> None:
    """Do with a connection's connector what reads nothing, whatever its status and whoever reads it.

    Raises:
        NeedsPerson: the owner would have to act; the connection stays as it is.
        Transient: the provider does not answer now.
    """
    with runtime.database.dispatch() as connection:
        query = select(connection_table).where(connection_table.c.id == connection_id)
        row = sole(connection.execute(query).all(), "connection")
    with opened(runtime, row) as connector:
        call(connector)


def _secrets(runtime: Runtime, row: Row[Any]) -> dict[str, str]:
    with runtime.database.organisation(row.org_id) as connection:
        sealed = connection.execute(
            select(connection_secret.c.key_id, connection_secret.c.ciphertext).where(
                connection_secret.c.connection_id == row.id
            )
        ).one_or_none()
    if sealed is None:
        return {}
    return runtime.secrets.open(row.org_id, row.id, Sealed(sealed.key_id, bytes(sealed.ciphertext)))
