"""One table: what a person configured of it, what the catalogue says of it now, and the SQL that reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from pydantic import BaseModel, ConfigDict, Field

from drovi_assets.connectors.contract import Cursor, Window
from drovi_assets.connectors.cursors import Position, understood
from drovi_assets.connectors.windows import UNDATED
from resources.errors import CursorRejected, NeedsPerson, NotConfigured, PermissionMissing

_CATALOGUE = """
SELECT c.relkind IN ('r', 'p') AS has_keys, has_table_privilege(c.oid, 'SELECT') AS readable,
       (SELECT json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)) FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS types,
       (SELECT json_agg((SELECT json_agg(a.attname) FROM pg_catalog.pg_attribute a
                         WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey)))
        FROM pg_catalog.pg_index i
        WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL) AS unique_keys
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
_TIMES = ("timestamp", "date")
_MICROSECONDS = 1_000_000


class TableConfig(BaseModel):
    """One table to read. Without ``updated_at`` it is read whole from time to time."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_name: str = Field("public", alias="schema")
    table: str
    key: tuple[str, ...] = Field(("id",), min_length=1, description="Columns of a unique key, in its order.")
    updated_at: str | None = Field(None, description="The column that says when a row last changed.")
    text: tuple[str, ...] = Field((), description="Columns to read as text; empty: every column.")
    title: str | None = Field(None, description="The column that names a row.")

    @property
    def stream(self) -> str:
        """The table's name as a stream: ``schema.table``."""
        return f"{self.schema_name}.{self.table}"


class PostgresConfig(BaseModel):
    """What a person gives to connect a database; the password is a secret and kept apart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str
    port: int = Field(5432, ge=1, le=65535)
    database: str
    user: str
    sslmode: str = Field("prefer", pattern="^(disable|allow|prefer|require|verify-ca|verify-full)$")
    tables: tuple[TableConfig, ...] = Field(min_length=1)
    overlap_seconds: float = Field(
        60, ge=0, description="The longest transaction to expect: what changed this recently is read again."
    )
    reread_seconds: float = Field(
        900, ge=0, description="How often a table without a change time is read whole."
    )


class TablePosition(Position):
    """Behind this change time and key; of a table that is read whole, behind this key, since ``read_at``."""

    at: int = Field(0, ge=-62_135_596_800_000_000, le=253_402_300_800_000_000)
    """Microseconds since 1970, within the calendar."""
    key: str | None = None
    read_at: int = 0
    types: dict[str, str] = Field(default_factory=dict)
    """Of the columns that give the order."""


@dataclass(frozen=True, slots=True)
class Table:
    """A configured table as it is now. ``types`` are those of the columns that order a read."""

    config: TableConfig
    types: Mapping[str, str]

    @classmethod
    def look_up(cls, connection: psycopg.Connection[Any], config: TableConfig) -> Table:
        """Read the catalogue.

        Raises:
            PermissionMissing: the table does not exist for this user, or may not be read.
            NotConfigured: a configured column is gone, of the wrong kind, or the key is not unique.
        """
        row = connection.execute(_CATALOGUE, [config.schema_name, config.table]).fetchone()
        if row is None or not row[1]:
            raise PermissionMissing(
                f"The table {config.stream} does not exist, or this user may not read it.",
                remedy="Grant SELECT on it to the connection's user, or remove it from the connection.",
            )
        has_keys, _, types, unique_keys = row
        named = [*config.key, config.updated_at, config.title, *config.text]
        for column in named:
            if column is not None and column not in types:
                raise NotConfigured(
                    f"The column {column} of {config.stream} is gone.",
                    remedy="Restore it, or correct the connection's settings.",
                )
        if config.updated_at and not types[config.updated_at].startswith(_TIMES):
            raise NotConfigured(
                f"The column {config.updated_at} of {config.stream} is {types[config.updated_at]}, not a time.",
                remedy="Choose a timestamp column, or none.",
            )
        if has_keys and not any(set(key) <= set(config.key) for key in unique_keys or ()):
            raise NotConfigured(
                f"The columns {', '.join(config.key)} of {config.stream} are not a unique key.",
                remedy="Name the primary key's columns.",
            )
        ordering = [*config.key, *([config.updated_at] if config.updated_at else [])]
        return cls(config, {column: types[column] for column in ordering})

    def check(self, since: Cursor) -> None:
        """Refuse a cursor made when an ordering column had another type: positions would no longer compare.

        Raises:
            CursorRejected: it is none of ours, or was made when other columns gave the order.
            NeedsPerson: naming the column.
        """
        position = understood(since, TablePosition)
        if position.types and position.types.keys() != self.types.keys():
            raise CursorRejected(f"Other columns give the order of {self.config.stream} than before.")
        if position.key is not None:
            self._key_literals(position.key)
        for column, before in since.get("types", {}).items():
            if column in self.types and self.types[column] != before:
                raise NeedsPerson(
                    f"The column {column} of {self.config.stream} changed from {before} to {self.types[column]}.",
                    remedy="Check that its values are still the same, then start the table over.",
                )

    def changed_since(self, since: Cursor) -> sql.Composed:
        """Rows changed after a live cursor and not in the future, oldest first."""
        changed = self._changed
        if "at" not in since:
            after: sql.Composable = self._dated
        elif since.get("key") is None:
            after = sql.SQL("{} >= {}").format(changed, self._moment(since["at"]))
        else:
            after = self._beyond(">", since)
        upper = sql.SQL("{} <= now()").format(changed)
        return self._select(sql.SQL(" AND ").join([self._dated, after, upper]), "ASC")

    def in_window(self, window: Window, since: Cursor) -> sql.Composed:
        """Rows of a window before a cursor, newest first; undated rows by key."""
        if window.name == UNDATED.name:
            undated = (
                sql.SQL("({} IS NULL OR NOT ({}))").format(self._changed, self._dated)
                if self.config.updated_at
                else sql.SQL("true")
            )
            return self.by_key(since, undated)
        where = sql.SQL("{} >= {} AND {} < {}").format(
            self._changed,
            self._literal_time(window.start.isoformat()),
            self._changed,
            self._literal_time(window.end.isoformat()),
        )
        if "at" in since and since.get("key") is not None:
            where = sql.SQL("{} AND {}").format(where, self._beyond("<", since))
        return self._select(where, "DESC")

    def by_key(self, since: Cursor, where: sql.Composable = sql.SQL("true")) -> sql.Composed:  # noqa: B008 - immutable
        """Rows after a cursor's key, in the key's order."""
        if since.get("key") is not None:
            values = sql.SQL(", ").join(self._key_literals(since["key"]))
            where = sql.SQL("{} AND ({}) > ({})").format(where, sql.SQL(", ").join(self._key), values)
        return self._select(where, "ASC", keyset=self._key, version=sql.SQL("0::bigint"))

    def ids(self) -> sql.Composed:
        """The id of every row."""
        return sql.SQL("SELECT {} FROM {} t").format(self._provider_id, self._name)

    def months(self) -> sql.Composed:
        """The year and month of every row's change time; (NULL, NULL) where a row has none in the calendar."""
        if not self.config.updated_at:
            return sql.Composed([sql.SQL("SELECT NULL::int, NULL::int")])
        return sql.SQL(
            "SELECT DISTINCT CASE WHEN {dated} THEN extract(year FROM {changed})::int END,"
            " CASE WHEN {dated} THEN extract(month FROM {changed})::int END FROM {name} t"
        ).format(dated=self._dated, changed=self._changed, name=self._name)

    @property
    def _name(self) -> sql.Identifier:
        return sql.Identifier(self.config.schema_name, self.config.table)

    @property
    def _key(self) -> list[sql.Identifier]:
        return [sql.Identifier("t", column) for column in self.config.key]

    @property
    def _changed(self) -> sql.Identifier:
        return sql.Identifier("t", str(self.config.updated_at))

    @property
    def _provider_id(self) -> sql.Composable:
        if len(self._key) == 1:
            return sql.SQL("{}::text").format(self._key[0])
        return sql.SQL("jsonb_build_array({})::text").format(sql.SQL(", ").join(self._key))

    @property
    def _dated(self) -> sql.Composable:
        """Within the calendar: not NULL, not infinite, in years that every client can express."""
        return sql.SQL("{} >= '0001-01-01' AND {} < '10000-01-01'").format(self._changed, self._changed)

    def _select(
        self,
        where: sql.Composable,
        direction: str,
        *,
        keyset: Sequence[sql.Composable] = (),
        version: sql.Composable | None = None,
    ) -> sql.Composed:
        order = sql.SQL(", ").join(
            sql.SQL("{} {}").format(column, sql.SQL(direction))
            for column in keyset or [self._changed, *self._key]
        )
        version = version or sql.SQL("(extract(epoch FROM {}) * 1000000)::bigint").format(self._changed)
        return sql.SQL("SELECT {}, {}, row_to_json(t)::text FROM {} t WHERE {} ORDER BY {}").format(
            self._provider_id, version, self._name, where, order
        )

    def _beyond(self, operator: str, since: Cursor) -> sql.Composed:
        columns = sql.SQL(", ").join([self._changed, *self._key])
        values = sql.SQL(", ").join([self._moment(since["at"]), *self._key_literals(since["key"])])
        return sql.SQL("({}) {} ({})").format(columns, sql.SQL(operator), values)

    def _moment(self, microseconds: int) -> sql.Composed:
        """A version as the change column's type; exact, since doubles count microseconds to the year 2255."""
        return sql.SQL("('epoch'::{base} + interval '1 microsecond' * {count})::{type}").format(
            base=sql.SQL("timestamptz" if "with time zone" in self._time_type else "timestamp"),
            count=sql.Literal(int(microseconds)),
            type=sql.SQL(self._time_type),
        )

    def _literal_time(self, value: str) -> sql.Composed:
        return sql.SQL("{}::timestamptz::{}").format(sql.Literal(value), sql.SQL(self._time_type))

    @property
    def _time_type(self) -> str:
        return self.types[str(self.config.updated_at)]

    def _key_literals(self, provider_id: str) -> list[sql.Composable]:
        try:
            values = (
                [provider_id]
                if len(self.config.key) == 1
                # Numbers stay as they are written: a float would round a long numeric key.
                else json.loads(provider_id, parse_float=str, parse_int=str)
            )
            pairs = list(zip(self.config.key, values, strict=True))
        except (ValueError, TypeError) as error:
            raise CursorRejected(f"The position is no key of {self.config.stream}.") from error
        return [
            sql.SQL("{}::{}").format(sql.Literal(str(value)), sql.SQL(self.types[column]))
            for column, value in pairs
        ]
