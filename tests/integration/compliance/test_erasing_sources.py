"""A disconnected source leaves nothing behind: no row, no vector, no file, no event; whenever its erasure is killed."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.integration.compliance.conftest import CANARY, Firm

WHAT_REMAINS = {"audit_entry", "erasure_receipt", "job"}
"""Who erased what and when: the id of the source, and how many rows went."""


def test_nothing_is_left_in_any_table_or_object(firm: Firm, neighbour: Firm) -> None:
    """And the neighbour's rows are what they were, to the byte."""
    kept = firm.source(firm.tenant, private=False, name="garde", text="Le bail commence en janvier.")
    gone = firm.source(firm.tenant, private=False, name="parti")
    assert firm.everything.mentions(CANARY).keys() >= {"document", "chunk", "evidence", "intelligence_object"}
    assert firm.everything.files_with(CANARY)
    theirs = {name: _of(rows, neighbour) for name, rows in firm.everything.tables().items()}

    job_id = firm.ask("erase_source", by=firm.owner_id, connection_id=str(gone))
    firm.work()

    assert firm.job(job_id).status == "succeeded", firm.job(job_id).error_message
    assert firm.everything.mentions(CANARY) == {}
    assert firm.everything.files_with(CANARY) == []
    assert firm.everything.mentions(str(gone)).keys() <= WHAT_REMAINS
    assert {name: _of(rows, neighbour) for name, rows in firm.everything.tables().items()} == theirs
    assert firm.everything.mentions(str(kept)).keys() >= {"connection", "source_item", "record"}


def test_its_receipt_counts_what_went_and_names_nothing(firm: Firm) -> None:
    gone = firm.source(firm.tenant, private=False, name="parti")
    job_id = firm.ask("erase_source", by=firm.owner_id, connection_id=str(gone))
    firm.work()
    (receipt,) = firm.receipts()
    assert (receipt.id, receipt.kind, receipt.subject_id) == (job_id, "connection", gone)
    assert receipt.requested_by == firm.owner_id
    assert receipt.finished_at is not None
    assert receipt.unpurged == []
    counted = {"items", "records", "documents", "blocks", "chunks", "vectors", "objects", "evidence"}
    assert receipt.counts.keys() >= counted | {"events", "files", "connection", "stream_cursor"}
    assert receipt.counts["vectors"] == receipt.counts["chunks"]
    entries = firm.query(text("SELECT action, subject_id, after FROM audit_entry"))
    (finished,) = [entry for entry in entries if entry.action == "erasure.finished"]
    assert finished.subject_id == str(job_id)
    assert finished.after["counts"] == receipt.counts


def test_search_statistics_are_back_where_they_were(firm: Firm) -> None:
    firm.source(firm.tenant, private=False, name="garde", text="Le bail commence en janvier.")
    statistics = text(
        "SELECT 'term', term::text, chunks FROM term_stat"
        " UNION ALL SELECT 'chunk', audience_id::text, chunks FROM chunk_stat ORDER BY 1, 2"
    )
    before = firm.query(statistics)
    gone = firm.source(firm.tenant, private=True, name="parti")
    assert firm.query(statistics) != before
    firm.ask("erase_source", by=firm.owner_id, connection_id=str(gone))
    firm.work()
    assert firm.query(statistics) == before


def test_a_file_that_another_source_holds_as_well_stays(firm: Firm) -> None:
    """Two folders with the same letter share one object; the first one's erasure leaves it to the second."""
    kept = firm.source(firm.tenant, private=False, name="garde")
    gone = firm.source(firm.tenant, private=True, name="parti")
    firm.ask("erase_source", by=firm.owner_id, connection_id=str(gone))
    firm.work()
    ((blob,),) = firm.query(text("SELECT blob FROM source_item WHERE connection_id = :id"), id=kept)
    assert CANARY.encode() in firm.runtime.objects.get(str(firm.org_id), blob)
    assert firm.receipts()[0].counts.get("files", 0) == 0


def test_many_items_go_in_steps_that_add_up(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step does one batch and is counted; none is counted twice."""
    monkeypatch.setattr("drovi_assets.chores.sources.BATCH", 2)
    letters = {
        str(number): f"Nous adresserons la pièce {number} {CANARY} avant le 15 mars 2026."
        for number in range(7)
    }
    gone = firm.source(firm.tenant, private=False, name="viel", files=letters)
    firm.ask("erase_source", by=firm.owner_id, connection_id=str(gone))
    firm.work()
    (receipt,) = firm.receipts()
    assert receipt.counts["items"] == receipt.counts["files"] == receipt.counts["documents"] == 7
    assert firm.everything.mentions(CANARY) == {}


def _of(rows: list[str], firm: Firm) -> list[str]:
    return [row for row in rows if str(firm.org_id) in row]
