"""Anchors: every hour, for what moved, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from resources.audit import SYSTEM, Action, anchor, anchors, record
from resources.errors import ProviderDown
from resources.object_store import FolderStore
from tests.conftest import Database, make_tenant
from tests.integration.audit.conftest import Chain


class Failing(FolderStore):
    """Keeps a note, or does not, and fails in either case."""

    def __init__(self, root: Path, *, keeps: bool) -> None:
        super().__init__(root)
        self._keeps = keeps

    def write_once(self, *note: object) -> None:
        if self._keeps:
            super().write_once(*note)
        raise ProviderDown("The object store failed.")


def test_a_chain_is_anchored_once_an_hour_and_only_if_it_grew(chain: Chain) -> None:
    assert chain.anchor() == 0
    chain.append(2)
    assert chain.anchor() == 1
    chain.append()
    assert chain.anchor() == 0
    assert chain.anchor_an_hour_later() == 1
    assert chain.anchor_an_hour_later() == 0
    assert [int(note.name) for note in chain.notes()] == [2, 3]


@pytest.mark.parametrize("keeps", [False, True])
def test_a_failure_repeats_the_same_anchor(chain: Chain, keeps: bool) -> None:
    """Whether or not the store had kept it, and though the chain has grown since."""
    chain.append(2)
    with pytest.raises(ProviderDown):
        anchor(chain.database, Failing(chain.folder, keeps=keeps))
    chain.append()
    assert chain.anchor() == 1
    assert chain.anchor_an_hour_later() == 1
    assert [int(note.name) for note in chain.notes()] == [2, 3]
    assert chain.problems() == []


def test_one_call_writes_no_more_than_a_tick_can_wait_for(
    chain: Chain, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is due at the next."""
    monkeypatch.setattr(anchors, "MOST", 1)
    monkeypatch.setattr(anchors, "_GREW", anchors._GREW.limit(1))
    chain.append()
    other = make_tenant(database, "Dubois Audit").principal.org_id
    with database.worker.organisation(other) as connection:
        record(connection, SYSTEM, Action.RETENTION_APPLIED, "organisation", other)
    assert [chain.anchor(), chain.anchor(), chain.anchor()] == [1, 1, 0]


def test_a_chain_that_forked_does_not_stop_the_others(chain: Chain, database: Database) -> None:
    """A database restored to before its last anchor goes another way: the first anchor stays, and tells of it."""
    chain.append(2)
    chain.anchor()
    kept = chain.notes()[0].read_bytes()
    chain.tamper(
        *(
            f"DELETE FROM {table} WHERE org_id = :org"
            for table in ("audit_entry", "audit_head", "audit_anchor")
        )
    )
    chain.append(2)
    other = make_tenant(database, "Dubois Audit").principal.org_id
    with database.worker.organisation(other) as connection:
        record(connection, SYSTEM, Action.RETENTION_APPLIED, "organisation", other)
    assert chain.anchor() == 2
    assert chain.notes()[0].read_bytes() == kept
    assert any("has another hash" in message for _, message in chain.problems())
