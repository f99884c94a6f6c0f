"""An export's parts are handed out to its requester alone, whole or in ranges, for as long as they may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, func, insert, select, update

from drovi_api.runtime import ApiRuntime
from resources.schema import audit_entry, document, export, export_part, job, membership
from resources.tenancy import Role
from tests.api.conftest import Caller, colleague_of
from tests.api.seed import seed_connection, seed_content
from tests.conftest import Database

CONTENT = bytes(range(256)) * 4096
"""A mebibyte: several pieces of a stream."""


@dataclass(frozen=True)
class Export:
    """An export of an administrator's, with one part."""

    owner: Caller
    admin: Caller
    id: UUID
    database: Database

    def get(self, who: Caller, part: str = "document-00000.jsonl", **headers: str):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return who("GET", f"/api/v1/exports/{self.id}/parts/{part}", headers=names)


@pytest.fixture
def made(newcomer: Callable[[], Caller], api_database: Database, runtime: ApiRuntime) -> Export:
    owner = newcomer()
    admin = Caller(owner.http, colleague_of(api_database, owner.tenant, Role.ADMIN))
    export_id = UUID(admin("POST", "/api/v1/exports").json()["id"])
    digest = runtime.objects.put(f"export-{export_id}", CONTENT)
    mine = {"org_id": admin.tenant.principal.org_id, "user_id": admin.tenant.principal.user_id}
    with api_database.worker.organisation(mine["org_id"]) as session:
        session.execute(
            insert(export_part).values(
                **mine,
                export_id=export_id,
                number=0,
                name="document-00000.jsonl",
                sha256=digest,
                bytes=len(CONTENT),
                rows=1,
                position={"section": 0, "after": None},
            )
        )
    return Export(owner, admin, export_id, api_database)


def test_asking_makes_a_job_to_make_it_and_one_to_take_it_away(made: Export) -> None:
    read = made.admin("GET", f"/api/v1/exports/{made.id}").json()
    assert (read["status"], read["parts"][0]["name"]) == ("preparing", "document-00000.jsonl")
    with made.database.worker.dispatch() as session:
        org_id = made.admin.tenant.principal.org_id
        rows = session.execute(select(job).where(job.c.org_id == org_id)).all()
    due = {row.kind: (row.run_at - row.created_at).days for row in rows}
    assert due == {"export": 0, "expire_export": 7}


def test_one_at_a_time_is_made_for_one_person(made: Export) -> None:
    """Each reads the whole organisation; a colleague's does not count."""
    refused = made.admin("POST", "/api/v1/exports")
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert made.owner("POST", "/api/v1/exports").status_code == 202
    with made.database.worker.dispatch() as session:
        session.execute(update(job).where(job.c.kind == "export").values(status="succeeded"))
    assert made.admin("POST", "/api/v1/exports").status_code == 202


def test_a_part_comes_whole(made: Export) -> None:
    answer = made.get(made.admin)
    assert answer.status_code == 200
    assert answer.content == CONTENT
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == 'attachment; filename="document-00000.jsonl"'


@pytest.mark.parametrize(
    ("wanted", "first", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=700000-", 700000, len(CONTENT)),
        ("bytes=-5", len(CONTENT) - 5, len(CONTENT)),
        (f"bytes=10-{10**9}", 10, len(CONTENT)),
        (f"bytes=-{10**9}", 0, len(CONTENT)),
    ],
)
def test_a_range_is_exactly_those_bytes(made: Export, wanted: str, first: int, end: int) -> None:
    answer = made.get(made.admin, range=wanted)
    assert answer.status_code == 206
    assert answer.content == CONTENT[first:end]
    assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/{len(CONTENT)}"


@pytest.mark.parametrize("wanted", [f"bytes={len(CONTENT)}-", "bytes=-0"])
def test_bytes_that_there_are_not_are_refused_with_how_many_there_are(made: Export, wanted: str) -> None:
    answer = made.get(made.admin, range=wanted)
    assert (answer.status_code, answer.json()["code"]) == (416, "VALIDATION_ERROR")
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize("wanted", ["bytes=5-1", "bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes=a-b"])
def test_what_is_no_range_is_not_heeded(made: Export, wanted: str) -> None:
    """RFC 9110, 14.2: the whole answers it."""
    assert made.get(made.admin, range=wanted).status_code == 200


def test_going_on_with_another_content_begins_anew(made: Export) -> None:
    """``If-Range``: with its own tag the rest, with any other the whole."""
    tag = made.get(made.admin).headers["etag"]
    assert made.get(made.admin, range="bytes=5-", if_range=tag).status_code == 206
    assert made.get(made.admin, range="bytes=5-", if_range='"other"').status_code == 200


def test_nobody_else_finds_it(made: Export, other: Caller) -> None:
    """Not an owner of the organisation, not another organisation's."""
    for who in (made.owner, other):
        assert made.get(who).status_code == 404
        assert who("GET", f"/api/v1/exports/{made.id}").status_code == 404
        assert str(made.id) not in who("GET", "/api/v1/exports").text


def test_who_loses_the_role_or_the_membership_gets_nothing(made: Export) -> None:
    """From the next request on."""
    user_id = made.admin.tenant.principal.user_id
    org_id = made.admin.tenant.principal.org_id
    with made.database.worker.organisation(org_id) as session:
        session.execute(update(membership).where(membership.c.user_id == user_id).values(role="MEMBER"))
    assert made.get(made.admin).status_code == 403
    with made.database.worker.organisation(org_id) as session:
        session.execute(delete(membership).where(membership.c.user_id == user_id))
    assert made.get(made.admin).status_code == 401


def test_past_its_days_it_is_gone(made: Export) -> None:
    """Whether it was cleared away yet or not."""
    with made.database.worker.organisation(made.admin.tenant.principal.org_id) as session:
        session.execute(update(export).values(expires_at=func.now()))
    assert made.get(made.admin).status_code == 404
    assert made.admin("GET", "/api/v1/exports").json()["items"] == []


def test_every_download_is_in_the_audit_log(made: Export) -> None:
    """A range too: who reads from the second byte on has read it."""
    made.get(made.admin)
    made.get(made.admin, range="bytes=1-")
    made.get(made.owner)
    with made.database.worker.organisation(made.admin.tenant.principal.org_id) as session:
        entries = session.execute(
            select(audit_entry).where(audit_entry.c.action == "export.downloaded")
        ).all()
    assert [(one.subject_id, one.after) for one in entries] == [
        (str(made.id), {"part": "document-00000.jsonl"})
    ] * 2


def test_a_sources_file_is_handed_out_while_its_readers_may_read_it(
    made: Export, runtime: ApiRuntime
) -> None:
    """As it is; of a private source of a colleague's never, and not once the source is private."""
    owner, org_id = made.owner.tenant, made.owner.tenant.principal.org_id
    for private in (False, True):
        source = seed_connection(made.database, owner, f"Files {private}", private=private)
        seeded = seed_content(made.database, owner, source, f"{private}.pdf")
        digest = runtime.objects.put(str(org_id), f"%PDF of {private}".encode())
        with made.database.worker.organisation(org_id) as session:
            session.execute(update(document).where(document.c.id == seeded.document_id).values(blob=digest))
        answer = made.get(made.admin, f"file-{digest}")
        assert answer.status_code == (404 if private else 200)
        if not private:
            assert answer.content == b"%PDF of False"
    assert made.get(made.admin, f"file-{'0' * 64}").status_code == 404


@pytest.mark.parametrize("part", ["nothing.jsonl", "%2e%2e%2fsecrets.json", "file-zz"])
def test_a_part_that_there_is_not_is_not_found(made: Export, part: str) -> None:
    assert made.get(made.admin, part).status_code in {404, 422}


def test_an_export_that_failed_says_so(made: Export) -> None:
    with made.database.worker.dispatch() as session:
        session.execute(update(job).where(job.c.kind == "export").values(status="failed"))
    assert made.admin("GET", f"/api/v1/exports/{made.id}").json()["status"] == "failed"
    assert made.admin("GET", f"/api/v1/exports/{uuid4()}").status_code == 404
