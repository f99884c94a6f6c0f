"""Asking for an export and handing its parts out, each with its entry in the audit log."""

from __future__ import annotations

import re
from uuid import UUID

from drovi_api.dependencies import WriteSession
from drovi_api.files import StoredFile
from drovi_api.tenancy.exports import repository
from drovi_api.tenancy.exports.schemas import ExportDetail
from drovi_assets.chores.export_tables import scope_of
from resources.audit import Action
from resources.errors import Conflict

_FILE = re.compile(r"file-([0-9a-f]{64})")


def request(session: WriteSession, base_url: str) -> ExportDetail:
    """Have an export made of what the caller may read.

    Raises:
        Conflict: one of theirs is being made.
    """
    if repository.being_made(session):
        raise Conflict(
            "An export of yours is being made.", remedy="Wait for it: a letter tells when it is ready."
        )
    export_id = repository.request(session, base_url)
    made = repository.one(session, export_id)
    session.audit(Action.EXPORT_REQUESTED, "export", export_id, after={"job_id": str(made.job_id)})
    return made


def download(session: WriteSession, export_id: UUID, name: str) -> StoredFile:
    """A part of the caller's export, or a file of a source as long as they may read what it belongs to.

    Raises:
        NotFound: there is no such part for the caller, or not any more.
    """
    repository.one(session, export_id)
    if file := _FILE.fullmatch(name):
        repository.require_readable(session, file[1])
        stored, shown = StoredFile(scope=str(session.principal.org_id), digest=file[1], name=name), "file"
    else:
        part = repository.part(session, export_id, name)
        stored, shown = StoredFile(scope=scope_of(export_id), digest=part.sha256, name=part.name), part.name
    session.audit(Action.EXPORT_DOWNLOADED, "export", export_id, after={"part": shown})
    return stored
