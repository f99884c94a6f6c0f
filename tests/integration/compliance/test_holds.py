"""Under a legal hold nothing goes, whoever wants it gone; what was deleted at its source meanwhile goes afterwards."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import IntegrityError

from drovi_assets.retrieval.search import search
from resources.schema import legal_hold
from tests.integration.compliance.conftest import CANARY, LETTER, Firm, write

COUNTS = text(
    "SELECT (SELECT count(*) FROM source_item), (SELECT count(*) FROM document), (SELECT count(*) FROM chunk),"
    " (SELECT count(*) FROM evidence), (SELECT count(*) FROM intelligence_object)"
)


def _hold(firm: Firm, connection_id: UUID | None) -> UUID:
    with firm.database.worker.organisation(firm.org_id) as session:
        return session.execute(
            insert(legal_hold)
            .values(org_id=firm.org_id, connection_id=connection_id, reason="x", placed_by=firm.owner_id)
            .returning(legal_hold.c.id)
        ).scalar_one()


def _release(firm: Firm, hold_id: UUID) -> None:
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            update(legal_hold).where(legal_hold.c.id == hold_id).values(released_at=text("now()"))
        )
    firm.ask("remove_held", by=firm.owner_id)
    firm.work()


def _found(firm: Firm) -> list[str]:
    with firm.database.app.acting_as(firm.tenant.principal) as session:
        return [hit.path for hit in search(session, firm.org_id, CANARY, embedder=firm.runtime.embedder)]


@pytest.mark.parametrize("whole", [False, True], ids=["the source", "everything"])
def test_a_deletion_at_the_source_hides_and_keeps(firm: Firm, whole: bool) -> None:
    """It leaves the search at once; its rows, its file and its evidence stay until the hold is released."""
    source = firm.source(firm.tenant, private=False, name="source")
    assert _found(firm) == ["source.txt"]
    before = firm.query(COUNTS)
    hold_id = _hold(firm, None if whole else source)
    (firm.home / "source" / "source.txt").unlink()
    firm.ingest(source)
    assert _found(firm) == []
    assert firm.query(COUNTS) == before
    assert firm.everything.files_with(CANARY)
    firm.ingest(source)
    assert firm.query(COUNTS) == before, "another sync changes nothing"

    _release(firm, hold_id)
    assert firm.query(COUNTS) == [(0, 0, 0, 0, 0)]
    assert firm.everything.mentions(CANARY) == {}
    assert firm.everything.files_with(CANARY) == []
    ((receipt,),) = firm.query(text("SELECT receipt FROM tombstone"))
    assert receipt.keys() >= {"items", "documents", "files"}
    assert "held" not in receipt


def test_another_hold_on_it_keeps_it_still(firm: Firm) -> None:
    source = firm.source(firm.tenant, private=False, name="source")
    one, other = _hold(firm, source), _hold(firm, None)
    (firm.home / "source" / "source.txt").unlink()
    firm.ingest(source)
    _release(firm, one)
    assert firm.everything.mentions(CANARY)
    _release(firm, other)
    assert firm.everything.mentions(CANARY) == {}


def test_what_comes_back_under_a_hold_is_found_again(firm: Firm) -> None:
    """As it was, and once: and the release of the hold does not take it away."""
    source = firm.source(firm.tenant, private=False, name="source")
    before = firm.query(COUNTS)
    hold_id = _hold(firm, source)
    file = firm.home / "source" / "source.txt"
    file.unlink()
    firm.ingest(source)
    write(file, LETTER)
    firm.ingest(source)
    assert _found(firm) == ["source.txt"]
    assert firm.query(COUNTS) == before
    _release(firm, hold_id)
    assert _found(firm) == ["source.txt"]


def test_what_comes_back_changed_is_a_new_version(firm: Firm) -> None:
    source = firm.source(firm.tenant, private=False, name="source")
    hold_id = _hold(firm, source)
    file = firm.home / "source" / "source.txt"
    file.unlink()
    firm.ingest(source)
    write(file, LETTER.replace("15 mars", "30 juin"))
    firm.ingest(source)
    current = text("SELECT count(*) FILTER (WHERE superseded_at IS NULL), count(*) FROM source_item")
    assert firm.query(current) == [(1, 2)]
    _release(firm, hold_id)
    assert firm.query(current) == [(1, 2)], "the older version is history, as of any file that changed"


def test_a_replay_does_not_bring_a_held_item_back(firm: Firm) -> None:
    """Deriving the partition again finds no current item there."""
    source = firm.source(firm.tenant, private=False, name="source")
    _hold(firm, source)
    (firm.home / "source" / "source.txt").unlink()
    firm.ingest(source)
    assert firm.query(text("SELECT 1 FROM source_item WHERE superseded_at IS NULL")) == []
    assert firm.query(text("SELECT 1 FROM chunk_index")) == []


def test_an_erasure_that_meets_a_hold_stops_and_gives_the_source_back(firm: Firm) -> None:
    """Paused, with the reason for its owner."""
    source = firm.source(firm.tenant, private=False, name="source")
    before = firm.everything.mentions(CANARY)
    job_id = firm.ask("erase_source", by=firm.owner_id, connection_id=str(source))
    _hold(firm, source)
    firm.work()
    assert firm.job(job_id).error_code == "CONFLICT"
    assert firm.everything.mentions(CANARY) == before
    query = text("SELECT status, status_detail FROM connection WHERE id = :id")
    ((status, detail),) = firm.query(query, id=source)
    assert status == "paused"
    assert "legal hold" in detail


def test_the_database_itself_refuses_to_delete_what_is_held(firm: Firm) -> None:
    """Whatever code forgets to look."""
    source = firm.source(firm.tenant, private=False, name="source")
    _hold(firm, source)
    with pytest.raises(IntegrityError), firm.database.worker.organisation(firm.org_id) as session:
        session.execute(text("DELETE FROM connection WHERE id = :id"), {"id": source})
