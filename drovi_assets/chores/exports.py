"""Exports: everything of an organisation that its requester may read, as files, until they expire.

Done as the requester, under row-level security, part by part: each part asks anew whether they still may. A part is
in the object store before its row is committed, and the row says where the next one begins, so a kill costs a part.
An export is a scope of the store by itself: what a kill left in it goes when it expires. The files of the sources are
not copied: they are listed, and handed out by their digest as long as the requester may read what names them.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from drovi_assets.chores.contract import Step, Task
from drovi_assets.chores.export_tables import (
    LISTS,
    MANIFEST,
    Position,
    Section,
    line_of,
    reading,
    scope_of,
    sections,
    write_csv,
)
from drovi_assets.deadline import Deadline
from drovi_assets.pipeline.runtime import Runtime
from resources import letters
from resources.errors import Forbidden, NotFound
from resources.organisations import principal_of
from resources.permissions import Permission, may
from resources.schema import app_user, export, export_part, organisation
from resources.tenancy import Principal

PART_BYTES = 16 * 1024 * 1024
"""From which a part is closed; what a download that is cut off reads again at most is less, thanks to ranges."""
SCHEMA_VERSION = 1
"""Of the export's own form: parts, names and manifest."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part that was written, and where the next one begins."""

    name: str
    rows: int
    section: int
    after: Position = None


def make_export(runtime: Runtime, task: Task, deadline: Deadline) -> Step:
    """The chore.

    Raises:
        Forbidden: the requester lost the right meanwhile.
        NotFound: they are no member any more, or the export is gone.
    """
    export_id = UUID(task.arguments["export_id"])
    while True:
        principal = _requester(runtime, task)
        with runtime.database.organisation(task.org_id) as connection:
            parts = _parts(connection, export_id)
        finished = bool(parts) and parts[-1].name == MANIFEST
        if not finished:
            _make_part(runtime, task, principal, parts, deadline)
        if finished or deadline.left <= 0:
            made = {"export": str(export_id), "parts": len(parts), "bytes": sum(part.bytes for part in parts)}
            return Step(made, finished)


def _make_part(
    runtime: Runtime, task: Task, principal: Principal, parts: list[Row[Any]], deadline: Deadline
) -> None:
    export_id = UUID(task.arguments["export_id"])
    with tempfile.TemporaryFile() as sink:
        part = _write_part(runtime, principal, parts, sink, deadline)
        if part is None:
            part = _write_manifest(task, export_id, parts, sink)
        size = sink.tell()
        sink.seek(0)
        digest = runtime.objects.put(scope_of(export_id), sink)
    with runtime.database.organisation(task.org_id) as connection:
        connection.execute(
            insert(export_part).values(
                export_id=export_id,
                number=len(parts),
                org_id=task.org_id,
                user_id=principal.user_id,
                name=part.name,
                sha256=digest,
                bytes=size,
                rows=part.rows,
                position={"section": part.section, "after": part.after},
            )
        )
        if part.name == MANIFEST:
            _finish(runtime, connection, task, export_id)


def expire_export(runtime: Runtime, task: Task, _deadline: Deadline) -> Step:
    """The chore of an export whose days are over, or whose requester's account is gone."""
    export_id = UUID(task.arguments["export_id"])
    runtime.objects.clear(scope_of(export_id))
    with runtime.database.organisation(task.org_id) as connection:
        connection.execute(delete(export).where(export.c.id == export_id))
    return Step({"export": str(export_id)}, finished=True)


def clear_all(runtime: Runtime, org_id: UUID, user_id: UUID | None = None) -> None:
    """Delete the parts of every export of an organisation, or of one person in it; their rows are the caller's."""
    query = select(export.c.id).where(export.c.org_id == org_id)
    if user_id is not None:
        query = query.where(export.c.user_id == user_id)
    with runtime.database.organisation(org_id) as connection:
        ids = connection.execute(query).scalars().all()
    for export_id in ids:
        runtime.objects.clear(scope_of(export_id))


def _requester(runtime: Runtime, task: Task) -> Principal:
    """Who asked, as they are now."""
    if task.requested_by is None:
        raise NotFound("Nobody asked for this export.")
    principal = principal_of(runtime.database, task.org_id, task.requested_by)
    if not may(principal, Permission.EXPORT):
        raise Forbidden(
            "Its requester may not export any more.",
            remedy="Ask an administrator to export, or for the role.",
        )
    return principal


def _parts(connection: Connection, export_id: UUID) -> list[Row[Any]]:
    if connection.execute(select(export.c.id).where(export.c.id == export_id)).first() is None:
        raise NotFound("The export is gone.", remedy="Ask for another one.")
    query = select(export_part).where(export_part.c.export_id == export_id).order_by(export_part.c.number)
    return list(connection.execute(query))


def _write_part(
    runtime: Runtime, principal: Principal, parts: list[Row[Any]], sink: BinaryIO, deadline: Deadline
) -> _Part | None:
    """The next part that has a row; None where all were written."""
    at: int = parts[-1].position["section"] if parts else 0
    after: Position = parts[-1].position["after"] if parts else None
    tables, lists = sections(), list(LISTS)
    with runtime.as_person.acting_as(principal) as connection:
        for number in range(at, len(tables)):
            if not may(principal, tables[number].permission):
                continue
            rows, end = _write_rows(connection, tables[number], after, sink, deadline)
            if rows:
                name = f"{tables[number].name}-{len(parts):05}.jsonl"
                return _Part(name, rows, number + (end is None), end)
            after = None  # a section that is done with; the next begins at its beginning
        number = max(at - len(tables), 0)
        if number < len(lists):
            name = lists[number]
            return _Part(name, write_csv(connection, LISTS[name], sink), len(tables) + number + 1)
    return None


def _write_rows(
    connection: Connection, section: Section, after: Position, sink: BinaryIO, deadline: Deadline
) -> tuple[int, Position]:
    """How many rows were written, and the key of the last one where the section goes on after it."""
    count = 0
    with reading(connection, section, after) as rows:
        for row in rows:
            sink.write(line_of(row))
            count += 1
            if sink.tell() >= PART_BYTES or deadline.left <= 0:
                return count, section.key(row)
    return count, None


def _write_manifest(task: Task, export_id: UUID, parts: list[Row[Any]], sink: BinaryIO) -> _Part:
    """The list of all parts. They were read one after the other: rows that changed meanwhile are as they then were."""
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "export_id": str(export_id),
        "organisation_id": str(task.org_id),
        "requested_by": str(task.requested_by),
        "finished_at": datetime.now(UTC).isoformat(),
        "parts": [
            {"name": part.name, "rows": part.rows, "bytes": part.bytes, "sha256": part.sha256}
            for part in parts
        ],
    }
    sink.write(json.dumps(manifest, indent=1).encode())
    return _Part(MANIFEST, len(parts), parts[-1].position["section"])


def _finish(runtime: Runtime, connection: Connection, task: Task, export_id: UUID) -> None:
    valid_for = connection.execute(
        update(export)
        .where(export.c.id == export_id)
        .values(finished_at=func.now())
        .returning(export.c.expires_at - func.now())
    ).scalar_one()
    person = connection.execute(select(app_user).where(app_user.c.id == task.requested_by)).one()
    name = connection.execute(
        select(organisation.c.name).where(organisation.c.id == task.org_id)
    ).scalar_one()
    letters.queue(
        connection,
        runtime.sources.secrets,
        to=person.email,
        locale=person.locale,
        template="export_ready",
        values={
            "recipient": person.name,
            "export": name,
            "link": str(task.arguments["link"]),
            "valid_for": valid_for,
        },
        org_id=task.org_id,
    )
