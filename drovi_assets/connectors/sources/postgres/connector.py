"""The PostgreSQL connector: the rows of configured tables; an item is a row, its id the key.

A table with a change time is read by keyset on ``(change time, key)``; one without is read whole from time to
time, and compared by hash where it lands. The server renders each row as JSON, so that little is done
per row here. Every read is one ``REPEATABLE READ READ ONLY`` transaction and one cursor on the server:
a table without a fitting index is sorted once a read, not once a page.

Rows appear in the order in which their transactions *commit*, while their change times were taken before. So
the position that is kept never comes closer to now than ``overlap_seconds``: recent rows are read again, and
those that say nothing new write nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import psycopg
from psycopg import sql

from drovi_assets.connectors.contract import Change, Cursor, Health, Page, Skipped, Stream, Window
from drovi_assets.connectors.sources.postgres.errors import translated
from drovi_assets.connectors.sources.postgres.table import PostgresConfig, Table
from drovi_assets.connectors.windows import windows_of
from resources.clock import now
from resources.errors import NotFound

PAGE_ROWS = 5_000
LISTING = 20_000
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 600
_MICROSECONDS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OPTIONS = (
    f"-c default_transaction_read_only=on -c statement_timeout={STATEMENT_SECONDS * 1000}"
    " -c timezone=UTC -c datestyle=ISO -c search_path="
    " -c cursor_tuple_fraction=1"  # a cursor is read to its end: plan for all its rows
)


class Postgres:
    """Reads one database, over one connection that is opened when it is first needed."""

    name: ClassVar[str] = "postgres"

    def __init__(self, config: PostgresConfig, secrets: Mapping[str, str]) -> None:
        self._config = config
        self._password = secrets["password"]
        self._connection: psycopg.Connection[Any] | None = None

    def check(self) -> Health:
        """Connect, and look up every configured table and column; raises as ``read``."""
        with self._transaction() as connection:
            for table in self._config.tables:
                Table.look_up(connection, table)
        return Health(
            f"{self._config.database} on {self._config.host} can be read.",
            {"tables": [table.stream for table in self._config.tables]},
        )

    def streams(self) -> Sequence[Stream]:
        """One a table, in the order they were configured."""
        return [
            Stream(table.stream, "row", dated=table.updated_at is not None) for table in self._config.tables
        ]

    def start(self, stream: Stream) -> Cursor:
        """The database's now, less the overlap."""
        with self._transaction() as connection:
            table, moment = self._table(connection, stream), _now(connection)
        types = dict(table.types)
        if table.config.updated_at is None:
            return {"read_at": moment, "types": types}
        return {"at": moment - self._overlap, "key": None, "types": types}

    def windows(self, stream: Stream) -> Sequence[Window]:
        """The calendar spans that hold a row's change time; "undated" for rows and tables without one."""
        with self._transaction() as connection:
            table = self._table(connection, stream)
            months = connection.execute(table.months()).fetchall()
        return windows_of(
            (datetime(year, month, 1, tzinfo=UTC) if year else None for year, month in months), now()
        )

    def read(self, stream: Stream, since: Cursor, window: Window | None = None) -> Iterator[Page]:
        """Pages of 5,000 rows.

        Raises:
            CredentialExpired: the user or the password is refused.
            PermissionMissing: the table is missing or may not be read.
            NeedsPerson: a column that the read relies on is gone or changed its type.
            CursorRejected: the cursor is none of ours, or no position in the table.
            Transient: the database does not answer, or asks to try again.
        """
        with self._transaction() as connection:
            table, moment = self._table(connection, stream), _now(connection)
            table.check(since)
            types = dict(table.types)
            if window is not None:
                query = table.in_window(window, since)
                for rows, complete in _fetched(connection, query, PAGE_ROWS):
                    last = {"at": rows[-1][1], "key": rows[-1][0]} if rows else {}
                    yield _page(rows, {**since, **last, "types": types}, complete=complete)
            elif table.config.updated_at is None:
                yield from self._read_whole(connection, table, since, moment)
            else:
                horizon = moment - self._overlap
                for rows, complete in _fetched(connection, table.changed_since(since), PAGE_ROWS):
                    since = {**since, **_position(rows, since, horizon), "types": types}
                    yield _page(rows, since, complete=complete)

    def present(self, stream: Stream) -> Iterator[Sequence[str]]:
        """Every row's id, in batches of 20,000, from one snapshot; raises as ``read``."""
        with self._transaction() as connection:
            query = self._table(connection, stream).ids()
            for batch, _ in _fetched(connection, query, LISTING):
                yield [provider_id for (provider_id,) in batch if provider_id is not None]

    def close(self) -> None:
        """Close the connection; of no effect where there is none."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read_whole(
        self, connection: psycopg.Connection[Any], table: Table, since: Cursor, moment: int
    ) -> Iterator[Page]:
        read_at, types = since.get("read_at", 0), dict(table.types)
        if since.get("key") is None and moment - read_at < self._config.reread_seconds * _MICROSECONDS:
            yield Page((), since, complete=True)
            return
        for rows, complete in _fetched(connection, table.by_key(since), PAGE_ROWS):
            cursor = (
                {"read_at": moment, "types": types}
                if complete
                else {"read_at": read_at, "key": rows[-1][0], "types": types}
            )
            yield _page(rows, cursor, complete=complete)

    @property
    def _overlap(self) -> int:
        return int(self._config.overlap_seconds * _MICROSECONDS)

    def _table(self, connection: psycopg.Connection[Any], stream: Stream) -> Table:
        for table in self._config.tables:
            if table.stream == stream.name:
                return Table.look_up(connection, table)
        raise NotFound(f"The table {stream.name} is not configured.", remedy="Add it to the connection.")

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = self._connect()
            with self._connection.transaction():
                yield self._connection
        except psycopg.Error as error:
            self.close()
            known = translated(error)
            if known is None:
                raise
            raise known from error

    def _connect(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(
            host=self._config.host,
            port=self._config.port,
            dbname=self._config.database,
            user=self._config.user,
            password=self._password,
            sslmode=self._config.sslmode,
            connect_timeout=CONNECT_SECONDS,
            # A source that goes silent is noticed in half a minute, whatever its host does.
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=4,
            tcp_user_timeout=30_000,
            options=_OPTIONS,
            application_name="drovi",
            autocommit=True,
        )
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        return connection


def _now(connection: psycopg.Connection[Any]) -> int:
    """The source's clock, in microseconds since 1970."""
    row = connection.execute("SELECT (extract(epoch FROM now()) * 1000000)::bigint").fetchone()
    return int(row[0]) if row else 0


def _fetched(
    connection: psycopg.Connection[Any], query: sql.Composed, size: int
) -> Iterator[tuple[list[Any], bool]]:
    """A query's rows, ``size`` at a time; the last batch, which may be empty, is marked complete.

    The cursor on the server lives as long as the transaction: closing it by hand would fail where the server went away.
    """
    connection.execute(sql.SQL("DECLARE drovi NO SCROLL CURSOR FOR {}").format(query))
    fetch = sql.SQL("FETCH FORWARD {} FROM drovi").format(sql.Literal(size))
    complete = False
    while not complete:
        rows = connection.execute(fetch).fetchall()
        complete = len(rows) < size
        yield rows, complete


def _position(rows: Sequence[tuple[str | None, int, str]], since: Cursor, horizon: int) -> Cursor:
    """Behind the last row, and never closer to now than the horizon."""
    if not rows:
        return {}
    key, changed, _ = rows[-1]
    if changed <= horizon:
        return {"at": changed, "key": key}
    if "at" in since and since["at"] >= horizon:
        return {}
    return {"at": horizon, "key": None}


def _page(rows: Sequence[tuple[str | None, int, str]], cursor: Cursor, *, complete: bool) -> Page:
    changes, skipped = [], []
    for key, version, payload in rows:
        if key is None:
            skipped.append(Skipped("", "A row has no key."))
            continue
        changes.append(Change(key, version, payload, occurred_at=_moment(version)))
    return Page(changes, cursor, complete, skipped=skipped)


def _moment(version: int) -> datetime | None:
    """A change time again; 0 stands for none (a row changed in the first microsecond of 1970 has none either)."""
    return _EPOCH + timedelta(microseconds=version) if version else None
