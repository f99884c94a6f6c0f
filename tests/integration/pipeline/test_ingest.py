"""A folder's life: files arrive, change and go, and what is derived follows, to the byte."""

from __future__ import annotations

import os
import shutil
import time
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from drovi_assets.automation import turns_on
from drovi_assets.pipeline.fingerprint import fingerprint
from drovi_assets.pipeline.partition import Partition
from drovi_assets.pipeline.replay import replay
from drovi_assets.retrieval.search import search
from resources.telemetry import metrics
from tests.conftest import REPOSITORY
from tests.integration.pipeline.conftest import Folder

LETTER = "Chère Madame,\n\nNous vous adresserons le projet d'avenant avant le 15 mars 2026.\n\nLe loyer annuel est de 48 000 euros."
WRITTEN = time.time() - 60


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files here are whole when they are written: none needs the second that the connector leaves to a writer."""
    monkeypatch.setattr("drovi_assets.connectors.sources.documents.SETTLED_NS", 0)


def _write(folder: Folder, name: str, content: str | bytes) -> Path:
    file = folder.path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(file, (WRITTEN, WRITTEN))
    return file


def _found(folder: Folder, query: str) -> list[str]:
    with folder.database.app.acting_as(folder.tenant.principal) as session:
        return [hit.path for hit in search(session, folder.org_id, query, embedder=folder.runtime.embedder)]


def test_a_file_becomes_evidence(folder: Folder) -> None:
    """A letter is found, and its commitment is quoted to the letter."""
    _write(folder, "lettre.txt", LETTER)
    folder.ingest()
    assert folder.summary().items == 1
    quotes = folder.query(
        text("SELECT o.kind, e.quote FROM intelligence_object o JOIN evidence e ON e.object_id = o.id")
    )
    assert ("commitment", "Nous vous adresserons le projet d'avenant avant le 15 mars 2026.") in [
        tuple(q) for q in quotes
    ]
    assert _found(folder, "projet d'avenant") == ["lettre.txt"]


def test_how_long_it_took_to_be_found_is_counted(folder: Folder) -> None:
    """From when it was landed; from when it occurred too, where that was not long before."""

    def counted(since: str) -> float:
        return metrics.registry.get_sample_value("drovi_end_to_end_seconds_count", {"since": since}) or 0

    before = counted("landed"), counted("occurred")
    _write(folder, "lettre.txt", LETTER)
    old = _write(folder, "archive.txt", LETTER)
    os.utime(old, (WRITTEN - 7 * 86400, WRITTEN - 7 * 86400))
    folder.ingest()
    assert (counted("landed"), counted("occurred")) == (before[0] + 2, before[1] + 1)


def test_a_second_reading_does_nothing(folder: Folder) -> None:
    """Nothing is read, parsed or written twice."""
    _write(folder, "lettre.txt", LETTER)
    folder.ingest()
    versions = text(
        "SELECT xmin::text, id FROM document UNION ALL SELECT xmin::text, id FROM intelligence_object ORDER BY 2"
    )
    before = folder.query(versions)
    assert folder.ingest().total.items == 0
    assert folder.query(versions) == before


def test_a_changed_file_replaces_what_was_found_and_keeps_what_was_believed(folder: Folder) -> None:
    """The old version leaves the search and stays in history, closed."""
    _write(folder, "lettre.txt", LETTER)
    folder.ingest()
    _write(folder, "lettre.txt", LETTER.replace("15 mars 2026", "30 juin 2026"))
    folder.ingest()
    objects = folder.query(
        text(
            "SELECT text, superseded_at IS NULL AS current FROM intelligence_object WHERE kind = 'commitment'"
        )
    )
    assert {("15 mars" in row.text, row.current) for row in objects} == {(True, False), (False, True)}
    chunks = folder.query(text("SELECT c.text FROM chunk_index i JOIN chunk c ON c.id = i.chunk_id"))
    assert all("15 mars" not in row.text for row in chunks)
    assert folder.summary().parsed == 1


def test_a_deleted_file_takes_everything_along(folder: Folder) -> None:
    """Nothing derived from it is left in any table, and ranking statistics are back to zero."""
    _write(folder, "reste.txt", "Le bail commence le 1er janvier 2026.")
    gone = _write(folder, "lettre.txt", LETTER)
    folder.ingest()
    gone.unlink()
    folder.ingest()
    assert [row.path for row in folder.query(text("SELECT path FROM document"))] == ["reste.txt"]
    for table in ("block", "chunk", "evidence", "intelligence_object"):
        orphans = f"SELECT count(*) FROM {table} WHERE document_id NOT IN (SELECT id FROM document)"
        assert folder.query(text(orphans)) == [(0,)]
    assert _found(folder, "projet d'avenant") == ["reste.txt"]
    ((receipt,),) = folder.query(text("SELECT receipt FROM tombstone"))
    assert receipt["documents"] == 1


def test_every_file_is_accounted_for(folder: Folder) -> None:
    """What cannot be read is refused by name with a reason; the rest is read."""
    _write(folder, "bien.txt", LETTER)
    _write(folder, "vide.docx", b"")
    _write(folder, "image.png", b"\x89PNG\r\n\x1a\n" + b"0" * 64)
    _write(folder, "faux.pdf", b"%PDF-1.7 nothing else")
    folder.ingest()
    summary = folder.summary()
    assert summary.items == 4
    assert summary.parsed == 1
    assert {one["path"] for one in summary.refused} == {"vide.docx", "image.png", "faux.pdf"}
    assert all(one["reason"] for one in summary.refused)


def test_attachments_are_documents_of_their_own(folder: Folder) -> None:
    """A mail's attachment is found under the mail's address, and points back at it."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@x.example", "b@y.example", "Le contrat"
    mail["Date"] = "Mon, 09 Mar 2026 10:00:00 +0100"
    mail.set_content("Veuillez trouver le contrat ci-joint.")
    mail.add_attachment(
        b"La clause de non-concurrence expire en 2027.", "text", "plain", filename="clause.txt"
    )
    _write(folder, "mail.eml", mail.as_bytes())
    folder.ingest()
    rows = folder.query(text("SELECT path, parent_id IS NOT NULL AS attached FROM document ORDER BY path"))
    assert [row.attached for row in rows] == [False, True]
    assert rows[1].path.startswith("mail.eml!/")
    assert _found(folder, "non-concurrence")[0] == rows[1].path


def test_a_partition_derived_again_is_the_same_to_the_byte(folder: Folder) -> None:
    """Every derived row of a replayed partition, vectors and boxes included, hashes to what it was."""
    source = REPOSITORY / "samples" / "two_matters" / "matter_a_lumivelle_share_purchase"
    for file in sorted((source / "02_contrat").iterdir())[:3] + sorted((source / "06_mails").iterdir())[:4]:
        shutil.copy(file, folder.path / file.name)
        os.utime(folder.path / file.name, (WRITTEN, WRITTEN))
    folder.ingest()
    ((window,),) = folder.query(text('SELECT DISTINCT "window" FROM source_item'))
    recorded = text("SELECT id, recorded_at FROM intelligence_object ORDER BY id")
    before = folder.query(recorded)
    turns = partial(turns_on, folder.runtime, folder.org_id)
    done = replay(folder.runtime, folder.org_id, str(Partition(folder.connection_id, window)), turns)
    assert done.before == done.after
    assert before
    assert folder.query(recorded) == before, "what was learnt keeps the moment it was learnt"


def test_a_changed_byte_changes_the_fingerprint(folder: Folder) -> None:
    """The hash that replays are judged by sees a single quote move: it cannot pass by being blind."""
    _write(folder, "lettre.txt", LETTER)
    folder.ingest()
    ((window,),) = folder.query(text('SELECT DISTINCT "window" FROM source_item'))
    with folder.database.worker.organisation(folder.org_id) as session:
        before = fingerprint(session, folder.connection_id, window)
        session.execute(text("UPDATE evidence SET page = 7"))
        assert fingerprint(session, folder.connection_id, window) != before
        session.rollback()


@pytest.mark.parametrize("stage", ["write_documents", "write_objects", "write_index", "mark_processed"])
def test_a_crash_between_stages_loses_and_doubles_nothing(
    folder: Folder, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work cut short at any stage stays on the queue and is simply done again."""
    _write(folder, "lettre.txt", LETTER)
    owner = "drovi_assets.pipeline.items" if stage == "mark_processed" else "drovi_assets.pipeline.run"

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"{owner}.{stage}", crash)
        with pytest.raises(KeyboardInterrupt):
            folder.ingest()
    assert folder.ingest().total.items == 1
    assert folder.summary().parsed == 1
    assert (
        len(folder.query(text("SELECT 1 FROM chunk_index")))
        == len(folder.query(text("SELECT 1 FROM chunk")))
        == 1
    )
