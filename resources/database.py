"""The ways into the database: for people, for background work, and for signing people in.

Each logs in as its own role and can only open a transaction that names who it acts for; the settings behind
row-level security are transaction-local, so a pooled connection carries nothing over to the next caller.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine, Select, create_engine, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError, OperationalError

from resources.errors import NotFound, ProviderDown, TimedOut, Transient, Unauthenticated
from resources.settings import with_driver
from resources.tenancy import Credential, CredentialKind, Principal, Role

STATEMENT_TIMEOUT_SECONDS = 60
CONNECT_TIMEOUT_SECONDS = 5
POOL_SIZE = 10
POOL_OVERFLOW = 40


_FUNCTIONS = {
    CredentialKind.API_KEY: "authenticate_key",
    CredentialKind.SESSION: "authenticate_session",
}
# The settings are set in the condition: as columns they would be three more values to bring back and unpack. Asked of the
# driver, at every request: between it and us SQLAlchemy would take a third of the time.
_ENTER_BY = {
    kind: f"SELECT * FROM {function}(%s)"  # noqa: S608 - one of the two names above
    " WHERE set_config('drovi.org_id', org_id::text, true) IS NOT NULL"
    " AND set_config('drovi.user_id', user_id::text, true) IS NOT NULL"
    " AND set_config('drovi.audiences', audiences::text, true) IS NOT NULL"
    for kind, function in _FUNCTIONS.items()
}
_CALLERS_BY = {
    kind: "SELECT shown.hash, caller.* FROM unnest(%s::bytea[]) AS shown (hash)"  # noqa: S608 - as above
    f" CROSS JOIN LATERAL {function}(shown.hash) caller"
    for kind, function in _FUNCTIONS.items()
}
_UNKNOWN = {
    CredentialKind.API_KEY: ("The API key is not known.", "Send a valid key as a bearer token."),
    CredentialKind.SESSION: ("The session is over.", "Sign in again."),
}
_ENTER_AS = text(
    "SELECT set_config('drovi.org_id', :org_id, true),"
    " set_config('drovi.user_id', :user_id, true),"
    " set_config('drovi.audiences', audiences_of(CAST(:org_id AS uuid), CAST(:user_id AS uuid))::text, true)"
)
_FOUND_AUDIENCE = text(
    "SELECT set_config("
    "'drovi.audiences', (current_setting('drovi.audiences')::uuid[] || CAST(:audience_id AS uuid))::text, true)"
)
_LOOK_AS = text(
    "SELECT set_config('drovi.org_id', :org_id, true), set_config('drovi.audiences', :audiences, true)"
)
_ENTER_ORGANISATION = text("SELECT set_config('drovi.org_id', :org_id, true)")


def engine_for(
    url: str,
    *,
    application_name: str,
    statement_timeout: float = STATEMENT_TIMEOUT_SECONDS,
    overflow: int = POOL_OVERFLOW,
) -> Engine:
    """A pooled engine on ``postgresql://…`` with a time-out on connecting and on every statement."""
    milliseconds = int(statement_timeout * 1000)
    return create_engine(
        with_driver(url, "psycopg"),
        pool_size=POOL_SIZE,
        max_overflow=overflow,
        pool_timeout=CONNECT_TIMEOUT_SECONDS,
        hide_parameters=True,  # an error's text reaches logs; its parameters are content
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": application_name,
            "options": f"-c statement_timeout={milliseconds} -c timezone=UTC -c idle_in_transaction_session_timeout=300000",
        },
    )


class AppDatabase:
    """The application role: sees one organisation, and in it only what the caller's audiences may read."""

    def __init__(self, url: str, *, application_name: str = "drovi-app") -> None:
        self._url = url
        self._engine = engine_for(url, application_name=application_name)
        self._snapshots = self._engine.execution_options(isolation_level="REPEATABLE READ")

    @contextmanager
    def authenticated(
        self, credential_hash: bytes, kind: CredentialKind = CredentialKind.API_KEY
    ) -> Iterator[tuple[Connection, Principal]]:
        """One transaction as the owner of an API key or session: authentication and tenancy in a single statement.

        Raises:
            Unauthenticated: the credential is unknown, over or revoked, or its owner is no member any more.
        """
        with _transaction(self._engine) as connection:
            rows = _asked(connection, _ENTER_BY[kind], (credential_hash,))
            if not rows:
                message, remedy = _UNKNOWN[kind]
                raise Unauthenticated(message, remedy=remedy)
            yield connection, _principal(kind, rows[0])

    @contextmanager
    def watching(
        self, shown: Mapping[CredentialKind, Collection[bytes]]
    ) -> Iterator[tuple[Connection, dict[bytes, Principal]]]:
        """One transaction on one snapshot for many callers at once, and who they are in it, by their credential's hash.

        A credential that opens nothing any more is left out. The connection sees nothing until ``look_as``.
        """
        with _transaction(self._snapshots) as connection:
            yield (
                connection,
                {
                    bytes(shown_hash): _principal(kind, row)
                    for kind, hashes in shown.items()
                    for shown_hash, *row in _asked(connection, _CALLERS_BY[kind], (list(hashes),))
                },
            )

    async def notifications(self, channel: str) -> AsyncIterator[str]:
        """What is notified on a channel, over a connection of its own; empty first, once it listens.

        Ends with an error where the connection is lost: what was notified meanwhile is not told later.
        """
        async with await psycopg.AsyncConnection.connect(
            self._url,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            application_name="drovi-listener",
        ) as connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            yield ""
            async for notification in connection.notifies():
                yield notification.payload

    @contextmanager
    def acting_as(self, principal: Principal) -> Iterator[Connection]:
        """One transaction for a caller who was authenticated before; their audiences are looked up anew."""
        with _transaction(self._engine) as connection:
            connection.execute(
                _ENTER_AS, {"org_id": str(principal.org_id), "user_id": str(principal.user_id)}
            )
            yield connection

    @contextmanager
    def unidentified(self) -> Iterator[Connection]:
        """One transaction of nobody: it sees no row of anybody, and may call what identifies a sender by itself."""
        with _transaction(self._engine) as connection:
            yield connection

    def ping(self) -> None:
        """One round trip. Raises ``Transient`` where the database does not answer."""
        with _transaction(self._engine) as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()


class IdentityDatabase:
    """The identity role: people, credentials, sessions and memberships of every organisation, and no content."""

    def __init__(self, url: str, *, application_name: str = "drovi-identity") -> None:
        # A request may hold two connections: its own, and one for what must outlive a refusal.
        self._engine = engine_for(url, application_name=application_name, overflow=2 * POOL_OVERFLOW)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction; ``enter`` names the organisation that an act in it belongs to."""
        with _transaction(self._engine) as connection:
            yield connection

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()


def enter(connection: Connection, org_id: UUID) -> None:
    """From here to the end of the transaction it acts for this organisation (its audit log, its audiences)."""
    connection.execute(_ENTER_ORGANISATION, {"org_id": str(org_id)})


def look_as(connection: Connection, org_id: UUID, audiences: Collection[UUID]) -> None:
    """From here on the transaction sees what any of these audiences may read; who of them gets it, its caller decides."""
    listed = "{" + ",".join(map(str, audiences)) + "}"
    connection.execute(_LOOK_AS, {"org_id": str(org_id), "audiences": listed})


def admit_to(connection: Connection, audience_id: UUID) -> None:
    """From here to the end of the transaction its caller is in this audience too: one that they found in it."""
    connection.execute(_FOUND_AUDIENCE, {"audience_id": audience_id})


class WorkerDatabase:
    """The worker role: one organisation at a time, all its audiences; or plumbing over all organisations."""

    def __init__(self, url: str, *, application_name: str = "drovi-worker") -> None:
        self._engine = engine_for(url, application_name=application_name, statement_timeout=600)

    @contextmanager
    def organisation(self, org_id: UUID) -> Iterator[Connection]:
        """One transaction inside an organisation."""
        with _transaction(self._engine) as connection:
            enter(connection, org_id)
            yield connection

    @contextmanager
    def dispatch(self) -> Iterator[Connection]:
        """One transaction over all organisations; content tables show nothing in it."""
        with _transaction(self._engine) as connection:
            yield connection

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()


class Lookup:
    """A query that is built once, for a row or a few: compiled once too, and asked of the driver.

    Of the 130 µs that a row found by its key costs, SQLAlchemy would take 60 at every execution. It is refused where
    the driver's values would not be SQLAlchemy's.
    """

    def __init__(self, query: Select[Any]) -> None:
        dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
        compiled = query.compile(dialect=dialect)
        columns = query.selected_columns
        for column in columns:
            if column.type.dialect_impl(dialect).result_processor(dialect, None) is not None:
                raise TypeError(f"the driver gives another value of {column} than SQLAlchemy")
        for bind in compiled.binds.values():
            if bind.expanding or bind.type.dialect_impl(dialect).bind_processor(dialect) is not None:
                raise TypeError(f"the driver takes another value of {bind} than SQLAlchemy")
        self._text = str(compiled)
        self._constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        self._row: Any = namedtuple("Row", columns.keys())  # type: ignore[misc]  # noqa: PYI024 - named by the query

    def rows(self, connection: Connection, **parameters: Any) -> list[Any]:
        """Named tuples of the query's columns; ``parameters`` are the values of its ``bindparam``s."""
        rows = _asked(connection, self._text, {**self._constants, **parameters})
        return [self._row._make(row) for row in rows]


def _principal(kind: CredentialKind, columns: Sequence[Any]) -> Principal:
    """Of the columns that both functions answer with, in their order."""
    org_id, user_id, role, audiences, credential_id, email, scopes, stale, factor_missing = columns
    credential = Credential(kind, credential_id, email, frozenset(scopes), stale, factor_missing)
    return Principal(org_id, user_id, Role(role), tuple(audiences), credential)


def _asked(
    connection: Connection, statement: str, parameters: Sequence[Any] | Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """Rows that the driver itself brings, in the transaction of ``connection``."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    try:
        return driver.execute(statement, parameters).fetchall()
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate(error)
        known = _as_transient(
            error.sqlstate, lost=driver.closed or isinstance(error, psycopg.OperationalError)
        )
        if known is not None:
            raise known from error
        raise


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.begin() as connection:
            yield connection
    except (DBAPIError, psycopg.Error) as error:  # the driver's own, where a statement goes past SQLAlchemy
        if (known := transient_of(error)) is not None:
            raise known from error
        raise


def transient_of(error: Exception) -> Transient | None:
    """What an error means where the database is away, busy or asks to try again; None for any other."""
    if isinstance(error, psycopg.Error):
        return _as_transient(error.sqlstate, lost=isinstance(error, psycopg.OperationalError))
    if not isinstance(error, DBAPIError):
        return None
    lost = error.connection_invalidated or isinstance(error, OperationalError)
    return _as_transient(getattr(error.orig, "sqlstate", None), lost=lost)


def _as_transient(sqlstate: str | None, *, lost: bool) -> Transient | None:
    """The branch of the error tree for what the database says of itself; None leaves it as it is.

    ``lost``: the connection broke, as far as the driver can tell; then it has no state to give.
    """
    state = sqlstate or ""
    if state == "57014":  # query_canceled: our own statement time-out
        return TimedOut("The database did not answer in time.", remedy="Try again with less at once.")
    if state.startswith(("08", "57P", "53")) or (lost and not state):
        return ProviderDown("The database is not available.", remedy="Try again in a moment.", retry_after=2)
    if state in {"40001", "40P01"}:  # serialization failure, deadlock
        return Transient("The database asks to try again.", remedy="Try again.", retry_after=0.1)
    return None


def sole(rows: Sequence[Any], what: str) -> Any:
    """The only row, or ``NotFound``: a missing row and another tenant's answer alike."""
    if not rows:
        raise NotFound(f"There is no such {what}.", remedy="Check the id, and that you may see it.")
    return rows[0]
