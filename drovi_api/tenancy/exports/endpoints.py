"""Routes of exports."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Path

from drovi_api.dependencies import Reads, Runtime, Writes, feature, requires
from drovi_api.errors import problem_responses
from drovi_api.files import RESPONSES, StoredFile, file_routes
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.tenancy.exports import repository, service
from drovi_api.tenancy.exports.schemas import Export, ExportDetail
from resources.permissions import Permission

router = feature("/exports", "exports")
files = file_routes(router)

PartName = Annotated[
    str,
    Path(
        max_length=100,
        pattern=r"^[a-z0-9_.-]+$",
        description="A part's name, or `file-` and the SHA-256 of a source's file, from the parts called `file-…`.",
    ),
]


@router.post(
    "",
    operation_id="request_export",
    summary="Export what you may read",
    status_code=202,
    responses=problem_responses(409),
)
@requires(Permission.EXPORT)
def request_export(session: Writes, runtime: Runtime) -> ExportDetail:
    """Made in the background, as JSON lines and CSV; a letter tells when it is ready. It is kept for seven days."""
    return service.request(session, runtime.public_url)


@router.get("", operation_id="list_exports", summary="List your exports")
@requires(Permission.EXPORT)
def list_exports(session: Reads, cursor: CursorText = None, limit: Limit = DEFAULT_LIMIT) -> Page[Export]:
    """The caller's own, newest first. Nobody sees a colleague's."""
    return repository.page(session, cursor, limit)


@router.get(
    "/{export_id}", operation_id="get_export", summary="Follow an export", responses=problem_responses(404)
)
@requires(Permission.EXPORT)
def get_export(session: Reads, export_id: UUID) -> ExportDetail:
    """One export and its parts; `manifest.json`, the last of them, lists all with their digests."""
    return repository.one(session, export_id)


@files.get(
    "/{export_id}/parts/{name}",
    operation_id="download_export_part",
    summary="Download a part",
    responses=RESPONSES,
)
@requires(Permission.EXPORT)
def download_export_part(session: Writes, export_id: UUID, name: PartName) -> StoredFile:
    """The part's bytes, from where `Range` says. Who lost the right, or the membership, gets nothing."""
    return service.download(session, export_id, name)
