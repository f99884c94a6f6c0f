"""What an export holds of each table, and how a part of it is written: JSON lines, a member's own view of every row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Table,
    Text,
    cast,
    func,
    literal,
    select,
    text,
    tuple_,
    union_all,
)

from resources import schema
from resources.permissions import Permission

TABLES: tuple[Table, ...] = (
    schema.organisation,
    schema.organisation_policy,
    schema.app_user,
    schema.membership,
    schema.invitation,
    schema.connection,
    schema.source_item,
    schema.skipped_item,
    schema.record,
    schema.document,
    schema.chunk,
    schema.intelligence_object,
    schema.evidence,
    schema.job,
    schema.legal_hold,
    schema.erasure_receipt,
    schema.audit_entry,
)
LEFT_OUT: Mapping[str, str] = {
    "block": "the layout of a file that is exported itself, many times its size",
    "chunk_index": "numbers that are computed from the chunks again",
    schema.api_key.name: "opens what is exported",
    "audience": "who may read what, which another system has rules of its own for",
    "audience_member": "as audiences",
    "connection_event": "what streams have told of connections that day, which are exported themselves",
    "export": "says nothing of the organisation",
    "export_part": "says nothing of the organisation",
    "webhook_delivery": "what was told of changes, which are exported themselves",
    "webhook_endpoint": "whom this installation tells of changes, which another one does not",
    "webhook_intake": "opens a way in",
}
"""Tables that people may read and an export does not hold, with the reason."""

_PERMISSIONS = {
    schema.legal_hold.name: Permission.MANAGE_POLICIES,
    schema.erasure_receipt.name: Permission.READ_AUDIT,
    schema.audit_entry.name: Permission.READ_AUDIT,
}
"""Of tables that row-level security shows to every member, and the API not."""

MANIFEST = "manifest.json"
_SECRET_COLUMNS = frozenset({"token_hash"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BUFFERED_ROWS = 20

Position = Sequence[str] | None
"""The key of the last row written, as text; None before the first."""


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of rows: its name, the query from a position on, the key of a row it yields, and what it takes to read it."""

    name: str
    query: Callable[[Position], Select[Any]]
    key: Callable[[Row[Any]], list[str]]
    permission: Permission = Permission.EXPORT


def scope_of(export_id: UUID) -> str:
    """The object store's scope of one export."""
    return f"export-{export_id}"


def sections() -> list[Section]:
    """All that is exported as JSON lines, in order: the tables, then the files that they name by their digests."""
    return [*(_of_table(table) for table in TABLES), Section("file", _files, lambda row: [row.sha256])]


@contextmanager
def reading(connection: Connection, section: Section, after: Position) -> Iterator[Iterable[Row[Any]]]:
    """Its rows as the caller of the transaction sees them, a few at a time in memory."""
    # Straight down the key's index: a sort would read the table whole for every part.
    connection.execute(text("SET LOCAL enable_sort = off"))
    query = section.query(after).execution_options(stream_results=True, max_row_buffer=_BUFFERED_ROWS)
    with connection.execute(query) as rows:
        yield rows


def line_of(row: Row[Any]) -> bytes:
    """A row as a line of JSON; binary values in hexadecimal, moments in ISO 8601."""
    return json.dumps(row._asdict(), default=_plain, ensure_ascii=False).encode() + b"\n"


def write_csv(connection: Connection, query: Select[Any], sink: BinaryIO) -> int:
    """The rows of a query as CSV with a header; how many there were."""
    wrapper = io.TextIOWrapper(sink, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(wrapper)
    result = connection.execute(query)
    writer.writerow(result.keys())
    count = 0
    for row in result:
        writer.writerow([harmless(value) for value in row])
        count += 1
    wrapper.detach()
    return count


def harmless(value: object) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, "CSV Injection")."""
    shown = "" if value is None else value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


LISTS: Mapping[str, Select[Any]] = {
    "members.csv": select(
        schema.app_user.c.name,
        schema.app_user.c.email,
        schema.membership.c.role,
        schema.membership.c.created_at.label("joined_at"),
    )
    .join(schema.membership, schema.membership.c.user_id == schema.app_user.c.id)
    .order_by(schema.app_user.c.email),
    "connections.csv": select(
        schema.connection.c.name,
        schema.connection.c.connector,
        schema.connection.c.visibility,
        schema.connection.c.status,
        schema.connection.c.last_synced_at,
        schema.connection.c.created_at,
    ).order_by(schema.connection.c.name),
}
"""For people with a spreadsheet."""


def _of_table(table: Table) -> Section:
    keys = list(table.primary_key)
    columns = [column for column in table.c if column.name not in _SECRET_COLUMNS]

    def query(after: Position) -> Select[Any]:
        rows = select(*columns).order_by(*keys)
        if after is None:
            return rows
        values = [cast(literal(value, Text), column.type) for column, value in zip(keys, after, strict=True)]
        return rows.where(tuple_(*keys) > tuple_(*values))

    def key(row: Row[Any]) -> list[str]:
        return [str(getattr(row, column.name)) for column in keys]

    return Section(table.name, query, key, _PERMISSIONS.get(table.name, Permission.EXPORT))


def _files(after: Position) -> Select[Any]:
    """Each stored file once, with one of its paths; its bytes are fetched by its digest."""
    named = union_all(
        select(schema.document.c.blob.label("sha256"), schema.document.c.path),
        select(schema.source_item.c.blob, schema.source_item.c.provider_id),
    ).subquery("named")
    query = select(named.c.sha256, func.min(named.c.path).label("path")).where(named.c.sha256.is_not(None))
    if after is not None:
        query = query.where(named.c.sha256 > after[0])
    return query.group_by(named.c.sha256).order_by(named.c.sha256)


def _plain(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.isoformat() if isinstance(value, datetime) else str(value)
