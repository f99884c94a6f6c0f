"""An export holds what its requester may read and nothing else, part by part, whenever it is killed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, insert, select, text, update

from drovi_assets.chores.export_tables import LEFT_OUT, TABLES, harmless, scope_of
from resources.letters import opened
from resources.schema import connection as connection_table
from resources.schema import export, export_part, legal_hold, membership, metadata, outgoing_mail
from resources.tenancy import Role
from tests.conftest import Tenant
from tests.integration.compliance.conftest import CANARY, Firm


def _request(firm: Firm, who: Tenant) -> tuple[UUID, UUID]:
    """The ids of an export and of its job."""
    export_id = uuid4()
    job_id = firm.ask(
        "export", by=who.principal.user_id, export_id=str(export_id), link="https://drovi.example/e"
    )
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            insert(export).values(
                id=export_id,
                org_id=firm.org_id,
                user_id=who.principal.user_id,
                job_id=job_id,
                expires_at=text("now() + interval '7 days'"),
            )
        )
    return export_id, job_id


def _made(firm: Firm, who: Tenant) -> tuple[UUID, dict[str, bytes]]:
    export_id, job_id = _request(firm, who)
    firm.work()
    assert firm.job(job_id).status == "succeeded", firm.job(job_id).error_message
    return export_id, _content(firm, export_id)


def _content(firm: Firm, export_id: UUID) -> dict[str, bytes]:
    rows = firm.query(select(export_part).where(export_part.c.export_id == export_id))
    return {row.name: firm.runtime.objects.get(scope_of(export_id), row.sha256) for row in rows}


def _rows(parts: dict[str, bytes], table: str) -> list[dict[str, Any]]:
    lines = b"".join(content for name, content in sorted(parts.items()) if name.startswith(f"{table}-"))
    return [json.loads(line) for line in lines.splitlines()]


def test_it_holds_everything_that_its_requester_may_read(firm: Firm) -> None:
    """Rows, text and evidence; the files by their digests; a manifest that proves each part."""
    firm.source(firm.tenant, private=False, name="partage")
    export_id, parts = _made(firm, firm.tenant)
    assert [row["path"] for row in _rows(parts, "document")] == ["partage.txt"]
    assert any(CANARY in row["quote"] for row in _rows(parts, "evidence"))
    assert [row["name"] for row in _rows(parts, "organisation")] == ["Cabinet Morel"]
    (file,) = _rows(parts, "file")
    assert CANARY.encode() in firm.runtime.objects.get(str(firm.org_id), file["sha256"])
    manifest = json.loads(parts["manifest.json"])
    assert manifest["schema_version"] == 1
    listed = {one["name"]: one for one in manifest["parts"]}
    assert listed.keys() == parts.keys() - {"manifest.json"}
    for name, one in listed.items():
        assert hashlib.sha256(parts[name]).hexdigest() == one["sha256"]
        assert len(parts[name]) == one["bytes"]
        if name.endswith(".jsonl"):
            assert parts[name].count(b"\n") == one["rows"]
    with firm.database.worker.dispatch() as session:
        (letter,) = [
            opened(firm.runtime.sources.secrets, row) for row in session.execute(select(outgoing_mail))
        ]
    assert (letter.template, letter.values["link"]) == ("export_ready", "https://drovi.example/e")
    ((finished,),) = firm.query(select(export.c.finished_at).where(export.c.id == export_id))
    assert finished is not None


def test_a_colleagues_private_source_is_in_no_part_of_it(firm: Firm, neighbour: Firm) -> None:
    """Nor is anything of another organisation, nor any secret or token; that it was connected is in the log, by its id."""
    colleague = firm.person("Zinnia")
    private = firm.source(colleague, private=True, name="prive")
    firm.source(firm.tenant, private=False, name="partage", text="Le bail commence en janvier.")
    _, parts = _made(firm, firm.tenant)
    everything = b"".join(parts.values())
    for word in (CANARY, "prive", str(neighbour.org_id), "Voisinage", "token_hash", "key_hash"):
        assert word.encode() not in everything, word
    log = _rows(parts, "audit_entry")
    (known,) = [entry for entry in log if str(private) in json.dumps(entry)]
    assert (known["action"], known["subject_id"]) == ("connection.created", str(private))
    assert known["after"] == {"connector": "documents", "visibility": "PRIVATE"}
    beside = b"".join(content for name, content in parts.items() if not name.startswith("audit_entry-"))
    assert str(private).encode() not in beside
    assert b"Zinnia" in parts["members.csv"]
    _, own = _made(firm, _promoted(firm, colleague))
    assert CANARY.encode() in b"".join(own.values())


def test_it_shows_no_more_than_the_requesters_role_lets_them_read(firm: Firm) -> None:
    """Holds are for those who manage policies: an administrator's export is without them, an owner's with."""
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            insert(legal_hold).values(org_id=firm.org_id, reason="Morel v. Dubois", placed_by=firm.owner_id)
        )
    _, mine = _made(firm, firm.tenant)
    _, theirs = _made(firm, _promoted(firm, firm.person("Zinnia")))
    assert [row["reason"] for row in _rows(mine, "legal_hold")] == ["Morel v. Dubois"]
    assert b"Dubois" not in b"".join(theirs.values())


def _promoted(firm: Firm, who: Tenant) -> Tenant:
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            update(membership)
            .where(membership.c.user_id == who.principal.user_id)
            .values(role=Role.ADMIN.value)
        )
    return who


def test_small_parts_are_the_same_rows(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut after every row, each row is there once, in the order of its key."""
    letters = {str(number): f"La pièce {number} est jointe." for number in range(5)}
    firm.source(firm.tenant, private=False, name="viel", files=letters)
    _, whole = _made(firm, firm.tenant)
    monkeypatch.setattr("drovi_assets.chores.exports.PART_BYTES", 1)
    _, cut = _made(firm, firm.tenant)
    for table in ("source_item", "document", "chunk", "membership", "file"):
        assert _rows(cut, table) == _rows(whole, table)
    assert len([name for name in cut if name.startswith("document-")]) == 5


def test_a_step_that_is_cut_short_is_gone_on_with(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between each object and its row, the part is written again, once."""
    firm.source(firm.tenant, private=False, name="partage")
    _, whole = _made(firm, firm.tenant)
    export_id, job_id = _request(firm, firm.tenant)

    kills = 0

    def killed(*_: object) -> None:
        nonlocal kills
        kills += 1
        raise KeyboardInterrupt

    while firm.job(job_id).status != "succeeded":
        with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
            patched.setattr("drovi_assets.chores.exports.insert", killed)
            firm.step()
        with firm.database.worker.dispatch() as session:
            session.execute(text("UPDATE job SET status = 'queued' WHERE status = 'running'"))
        firm.step()
    assert kills >= len(whole)
    again = _content(firm, export_id)
    assert _rows(again, "document") == _rows(whole, "document")
    assert _rows(again, "evidence") == _rows(whole, "evidence")
    assert again.keys() >= {"members.csv", "connections.csv", "manifest.json"}


def test_who_loses_the_right_meanwhile_gets_nothing_more(firm: Firm) -> None:
    """Demoted, or no member any more: the next part is not written."""
    person = _promoted(firm, firm.person("Zinnia"))
    firm.source(firm.tenant, private=False, name="partage")
    _, job_id = _request(firm, person)
    firm.step()
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            update(membership).where(membership.c.user_id == person.principal.user_id).values(role="MEMBER")
        )
    firm.work()
    assert firm.job(job_id).error_code == "FORBIDDEN"
    _, job_id = _request(firm, _promoted(firm, person))
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(delete(membership).where(membership.c.user_id == person.principal.user_id))
    firm.work()
    assert firm.job(job_id).error_code == "NOT_FOUND"


def test_an_expired_export_leaves_nothing(firm: Firm) -> None:
    firm.source(firm.tenant, private=False, name="partage")
    export_id, parts = _made(firm, firm.tenant)
    assert parts
    folder = firm.home / "objects" / scope_of(export_id)
    assert any(path.is_file() for path in folder.rglob("*"))
    firm.ask("expire_export", by=firm.owner_id, export_id=str(export_id))
    firm.work()
    assert not folder.exists()
    assert firm.query(select(export)) == firm.query(select(export_part)) == []


def test_every_table_that_people_may_read_is_exported_or_left_out_with_a_reason() -> None:
    readable = {name for name, table in metadata.tables.items() if "SELECT" in table.info["app"]}
    exported = {table.name for table in TABLES}
    assert exported | LEFT_OUT.keys() == readable
    assert not exported & LEFT_OUT.keys()


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x")'])
def test_no_cell_is_a_formula(firm: Firm, cell: str) -> None:
    """Whatever a source is called, a spreadsheet shows it and computes nothing."""
    assert harmless(cell) == f"'{cell}"
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(update(connection_table).values(name=cell))
    _, parts = _made(firm, firm.tenant)
    (row,) = csv.DictReader(io.StringIO(parts["connections.csv"].decode(), newline=""))
    assert row["name"] == f"'{cell}"
