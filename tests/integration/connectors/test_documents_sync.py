"""A folder, synced: what is in it is current, what leaves it is gone, and no accident empties it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from drovi_assets.connectors import runner
from drovi_assets.connectors.sources import documents
from resources.errors import Conflict, NotConfigured
from resources.schema import skipped_item, source_item, tombstone
from tests.integration.connectors.conftest import Bench


@pytest.fixture(autouse=True)
def settled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files written a moment ago count as finished."""
    monkeypatch.setattr(documents, "SETTLED_NS", 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "folder"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_text("alpha")
    (root / "sub" / "b.txt").write_text("beta")
    os.utime(root / "sub" / "b.txt", (1_500_000_000, 1_500_000_000))
    return root


def test_history_comes_by_windows_and_news_by_sync(bench: Bench, folder: Path) -> None:
    """A first sync begins at now; windows read what was there, newest first; a second round writes nothing."""
    connection_id = bench.connect("documents", {"path": str(folder)})
    found = runner.windows(bench.runtime, connection_id)
    assert [window.name for _, window in found][-1] == "2017"
    for stream, window in found:
        assert runner.backfill_window(bench.runtime, connection_id, stream, window).complete
    assert bench.current(connection_id).keys() == {"a.txt", "sub/b.txt"}
    assert runner.windows(bench.runtime, connection_id) == []

    (folder / "c.txt").write_text("gamma")
    report = runner.sync(bench.runtime, connection_id)
    assert (report.landed.new, report.landed.changed) == (1, 0)
    report = runner.sync(bench.runtime, connection_id)
    assert (report.pages, report.landed.new, report.landed.unchanged) == (1, 0, 0)


def test_a_file_copied_in_with_its_old_time_is_found(bench: Bench, folder: Path) -> None:
    """``cp -p`` sets the modification time back, and replaces content without a newer one."""
    connection_id = bench.connect("documents", {"path": str(folder)})
    runner.backfill(bench.runtime, connection_id)
    old = folder.parent / "old.txt"
    old.write_text("from the archive")
    os.utime(old, (1_000_000_000, 1_000_000_000))
    shutil.copy2(old, folder / "old.txt")
    shutil.copy2(old, folder / "a.txt")
    report = runner.sync(bench.runtime, connection_id)
    assert (report.landed.new, report.landed.changed) == (1, 1)
    assert bench.current(connection_id)["a.txt"]["bytes"] == len("from the archive")


def test_a_deleted_file_goes_with_its_content_and_comes_back_when_restored(
    bench: Bench, folder: Path
) -> None:
    """The item, its payload and its stored file are removed; the receipt counts them; a restored file is new."""
    connection_id = bench.connect("documents", {"path": str(folder)})
    runner.backfill(bench.runtime, connection_id)
    with bench.database.worker.organisation(bench.org_id) as session:
        blob = session.execute(
            select(source_item.c.blob).where(source_item.c.provider_id == "a.txt")
        ).scalar_one()
    kept = folder.parent / "kept.txt"
    shutil.move(folder / "a.txt", kept)
    report = runner.sync(bench.runtime, connection_id, sweep=True)
    assert report.deleted == 1
    assert bench.current(connection_id).keys() == {"sub/b.txt"}
    assert not bench.runtime.objects.exists(str(bench.org_id), blob)
    with bench.database.worker.organisation(bench.org_id) as session:
        assert session.execute(select(tombstone.c.receipt)).scalar_one() == {
            "items": 1,
            "records": 0,
            "documents": 0,
            "blocks": 0,
            "chunks": 0,
            "vectors": 0,
            "objects": 0,
            "evidence": 0,
            "files": 1,
        }
        assert not session.execute(select(source_item.c.id).where(source_item.c.provider_id == "a.txt")).all()
    shutil.move(kept, folder / "a.txt")
    assert runner.sync(bench.runtime, connection_id).landed.new == 1
    assert bench.current(connection_id).keys() == {"a.txt", "sub/b.txt"}


def test_a_file_that_another_item_holds_too_is_not_deleted(bench: Bench, folder: Path) -> None:
    """Two paths with one content share one stored file, which goes with the second."""
    (folder / "copy.txt").write_text("alpha")
    connection_id = bench.connect("documents", {"path": str(folder)})
    runner.backfill(bench.runtime, connection_id)
    with bench.database.worker.organisation(bench.org_id) as session:
        blob = session.execute(
            select(source_item.c.blob).where(source_item.c.provider_id == "a.txt")
        ).scalar_one()
    (folder / "a.txt").unlink()
    runner.sync(bench.runtime, connection_id, sweep=True)
    assert bench.runtime.objects.exists(str(bench.org_id), blob)
    (folder / "copy.txt").unlink()
    runner.sync(bench.runtime, connection_id, sweep=True)
    assert not bench.runtime.objects.exists(str(bench.org_id), blob)


def test_a_missing_folder_deletes_nothing_and_asks_its_owner(bench: Bench, folder: Path) -> None:
    """The connection stops with a remedy; it is active again when the folder is back and was checked."""
    connection_id = bench.connect("documents", {"path": str(folder)})
    runner.backfill(bench.runtime, connection_id)
    folder.rename(folder.parent / "away")
    with pytest.raises(NotConfigured):
        runner.sync(bench.runtime, connection_id, sweep=True)
    row = bench.row(connection_id)
    assert row.status == "needs_person"
    assert "Mount or restore" in row.status_detail
    assert len(bench.current(connection_id)) == 2
    with pytest.raises(Conflict):
        runner.sync(bench.runtime, connection_id)

    (folder.parent / "away").rename(folder)
    runner.check(bench.runtime, connection_id)
    assert bench.row(connection_id).status == "active"
    assert runner.sync(bench.runtime, connection_id, sweep=True).deleted == 0


def test_an_empty_mount_point_deletes_nothing(bench: Bench, folder: Path) -> None:
    """What a missing disk leaves behind is an empty folder that is not the one that was read."""
    connection_id = bench.connect("documents", {"path": str(folder)})
    runner.backfill(bench.runtime, connection_id)
    folder.rename(folder.parent / "away")
    folder.mkdir()
    with pytest.raises(NotConfigured, match="is empty"):
        runner.sync(bench.runtime, connection_id, sweep=True)
    assert len(bench.current(connection_id)) == 2


def test_a_folder_that_was_emptied_is_followed(bench: Bench, folder: Path) -> None:
    """Its own emptiness is no alarm."""
    connection_id = bench.connect("documents", {"path": str(folder)})
    runner.backfill(bench.runtime, connection_id)
    shutil.rmtree(folder / "sub")
    (folder / "a.txt").unlink()
    assert runner.sync(bench.runtime, connection_id, sweep=True).deleted == 2


def test_what_cannot_be_read_is_kept_with_its_reason_until_it_can(bench: Bench, folder: Path) -> None:
    """A link out of the folder and a file that is too large are listed and do not stop the others."""
    secret = folder.parent / "secret.txt"
    secret.write_text("not yours")
    (folder / "link.txt").symlink_to(secret)
    (folder / "large.txt").write_text("x" * 100)
    connection_id = bench.connect("documents", {"path": str(folder), "max_bytes": 50})
    runner.backfill(bench.runtime, connection_id)
    assert bench.current(connection_id).keys() == {"a.txt", "sub/b.txt"}
    with bench.database.worker.organisation(bench.org_id) as session:
        assert set(session.execute(select(skipped_item.c.provider_id)).scalars()) == {"link.txt", "large.txt"}
    (folder / "large.txt").write_text("small")
    runner.sync(bench.runtime, connection_id)
    with bench.database.worker.organisation(bench.org_id) as session:
        rows = session.execute(select(skipped_item.c.provider_id, skipped_item.c.reason)).all()
    assert [tuple(row) for row in rows] == [("link.txt", "The link leads out of the folder.")]


def test_a_file_that_goes_away_while_it_is_read_stops_nothing(bench: Bench, folder: Path) -> None:
    """Listed, then removed before its turn: skipped, and the rest of its page lands."""
    connection_id = bench.connect("documents", {"path": str(folder)})
    put = bench.runtime.objects.put

    class Racing:
        def __getattr__(self, name: str):
            return getattr(bench.runtime.objects, name)

        def put(self, scope, content):
            (folder / "sub" / "b.txt").unlink(missing_ok=True)
            return put(scope, content)

    from dataclasses import replace

    runtime = replace(bench.runtime, objects=Racing())
    (folder / "z.txt").write_text("last")
    report = runner.backfill(runtime, connection_id)
    assert report.complete
    assert bench.current(connection_id).keys() >= {"a.txt", "z.txt"}


def test_drovis_own_state_is_nobodys_documents(bench: Bench, folder: Path) -> None:
    """A home is left out where it lies in a folder, and cannot be connected: it holds every tenant's files and the keys."""
    home = folder / "state"
    (home / "objects" / "ab").mkdir(parents=True)
    (home / "secrets.json").write_text("{}")
    (home / "objects" / "ab" / "blob").write_text("another tenant's")
    shared = bench.connect("documents", {"path": str(folder)})
    runner.backfill(bench.runtime, shared)
    assert bench.current(shared).keys() == {"a.txt", "sub/b.txt"}


@pytest.mark.parametrize("inside", ["", "objects", "objects/ab"])
def test_drovis_own_state_cannot_be_connected(bench: Bench, tmp_path: Path, inside: str) -> None:
    """Not even a part of it; its owner is told what to do."""
    home = tmp_path / "home"
    (home / "objects" / "ab").mkdir(parents=True)
    (home / "secrets.json").write_text("{}")
    connection_id = bench.connect("documents", {"path": str(home / inside)})
    with pytest.raises(NotConfigured, match="own state"):
        runner.backfill(bench.runtime, connection_id)
