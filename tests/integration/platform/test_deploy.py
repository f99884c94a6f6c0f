"""A deploy in the middle of a backfill: what runs is told to end, ends in time, and is gone on with."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from tests.integration.platform.test_platform import drop
from tests.platforms import Up

FILES = 500


def counts(up: Up, connection_id: str) -> tuple[int, ...]:
    """Items, ids, records, documents and indexed chunks of a connection; all equal where nothing is doubled."""
    (row,) = up.query(
        f"""
        SELECT count(*), count(DISTINCT s.provider_id), count(r.id), count(d.id), count(i.chunk_id),
               count(*) FILTER (WHERE s.processed_at IS NOT NULL)
        FROM source_item s
        LEFT JOIN record r ON r.source_item_id = s.id LEFT JOIN document d ON d.record_id = r.id
        LEFT JOIN chunk c ON c.document_id = d.id LEFT JOIN chunk_index i ON i.chunk_id = c.id
        WHERE s.connection_id = '{connection_id}'
        """
    )
    return row


@pytest.mark.timeout(900)
def test_a_backfill_is_handed_over_to_the_next_version(up: Up, tmp_path: Path) -> None:
    """SIGTERM while a bulk run works: all stops within 30 s, nothing is lost or doubled, no attempt is used up."""
    inbox = tmp_path / "deployed"
    for number in range(FILES):
        drop(inbox, f"tempo{number}")
    connection_id, key = up.connect(inbox), uuid4()
    up.query(
        "INSERT INTO job (org_id, connection_id, kind, idempotency_key)"
        f" SELECT org_id, id, 'backfill', '{key}' FROM connection WHERE id = '{connection_id}'"
    )

    def job() -> tuple[str, int, int]:
        """Its status, how many runs it had, and how many more of them may fail."""
        (row,) = up.query(
            f"SELECT status, attempts, max_attempts - attempts FROM job WHERE idempotency_key = '{key}'"
        )
        return row

    def works() -> bool:
        return bool(up.query(f"SELECT FROM job WHERE idempotency_key = '{key}' AND progress <> '{{}}'"))

    up.wait_for(works, 90, "the run works")
    assert job() == ("running", 1, 2)
    status, seconds = up.stop()
    assert (status, up.family()) == (0, {})
    assert seconds < 30
    assert counts(up, connection_id)[5] < FILES, "stopped in the middle"
    up.start()
    up.wait_for(lambda: counts(up, connection_id) == (FILES,) * 6, 240, "every file is derived exactly once")
    up.wait_for(lambda: job()[0] not in {"queued", "running"}, 90, "the next run ended")
    assert job() == ("succeeded", 2, 2)
