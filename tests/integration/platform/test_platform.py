"""A started platform: it answers, it reads what is dropped, and a kill of all of it leaves nothing behind."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from pathlib import Path
from uuid import uuid4

from tests.platforms import Up

MEMORY_LIMIT = 1.2 * 2**30


def drop(folder: Path, word: str) -> None:
    """A file that holds the word, in two sentences."""
    folder.mkdir(exist_ok=True)
    (folder / f"{word}.txt").write_text(f"We decided on {word}. Paul will send {word} by 3 April 2024.")


def _memory(up: Up) -> int:
    """Bytes: the proportional set sizes of the whole family, Postgres included."""
    total = 0
    for pid in up.family():
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
    return total


def test_it_fits_in_its_memory(up: Up) -> None:
    """Started and idle."""
    assert (used := _memory(up)) < MEMORY_LIMIT, f"{used / 2**20:.0f} MiB"


def test_it_answers(up: Up) -> None:
    """Health, the owner, and Dagster's own page."""
    assert up.ask("/health")["status"] in {"ok", "degraded"}
    assert up.ask("/api/v1/auth/me") is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{up.dagster}/server_info", timeout=10) as response:
        assert response.status == 200


def test_a_dropped_file_is_found(up: Up, tmp_path: Path) -> None:
    """The history that was there when the folder was connected, and what is dropped later."""
    inbox = tmp_path / "inbox"
    drop(inbox, "zephyrold")
    up.connect(inbox)
    up.wait_for(lambda: up.finds("zephyrold"), 60, "the history is found")
    drop(inbox, "zephyrnew")
    up.wait_for(lambda: up.finds("zephyrnew"), 60, "the new file is found")


def test_it_fits_in_its_memory_with_its_models_loaded(up: Up, tmp_path: Path) -> None:
    """One in the code server since its first document, one in the API since its first search."""
    inbox = tmp_path / "loaded"
    drop(inbox, "zephyrloaded")
    up.connect(inbox)
    up.wait_for(lambda: up.finds("zephyrloaded"), 60, "a document is embedded, and a query")
    assert (used := _memory(up)) < MEMORY_LIMIT, f"{used / 2**20:.0f} MiB"


def test_a_replay_goes_through_dagster_and_back(up: Up, tmp_path: Path) -> None:
    """Asked for as a job row, carried out as a run over the partition's assets, told as a job that succeeded."""
    inbox = tmp_path / "replayed"
    drop(inbox, "zephyrreplay")
    connection_id = up.connect(inbox)
    up.wait_for(lambda: up.finds("zephyrreplay"), 60, "it is found")
    ((window,),) = up.query(f"SELECT \"window\" FROM source_item WHERE connection_id = '{connection_id}'")
    key = uuid4()
    up.query(
        "INSERT INTO job (org_id, connection_id, kind, idempotency_key, arguments)"
        f" SELECT org_id, id, 'replay', '{key}', jsonb_build_object('partition', id || '/{window}')"
        f" FROM connection WHERE id = '{connection_id}'"
    )

    def status() -> tuple[str, str] | None:
        ((state, run),) = up.query(f"SELECT status, dagster_run_id FROM job WHERE idempotency_key = '{key}'")
        return (state, run) if state not in {"queued", "running"} else None

    assert up.wait_for(status, 90, "the replay ended")[0] == "succeeded"


def test_a_second_platform_is_refused(up: Up) -> None:
    """In the same folder, and on a port that is taken; at once, and saying what to do."""
    same = subprocess.run(up.command, env=up.environment, capture_output=True, text=True, check=False)
    assert same.returncode == 2
    assert "already runs" in same.stderr
    other = up.environment | {"DROVI_HOME": str(up.home.parent / "other")}
    taken = subprocess.run(up.command, env=other, capture_output=True, text=True, check=False)
    assert taken.returncode == 2
    assert "DROVI_CODE_SERVER_PORT" in taken.stderr


def test_a_killed_platform_takes_everything_with_it(up: Up, tmp_path: Path) -> None:
    """No process is left a few seconds after kill -9; started again, all that was read is still found."""
    inbox = tmp_path / "kept"
    drop(inbox, "zephyrkept")
    up.connect(inbox)
    up.wait_for(lambda: up.finds("zephyrkept"), 60, "it is found")
    assert up.process is not None
    up.process.kill()
    up.process.wait()
    deadline = time.monotonic() + 30
    while up.family() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert up.family() == {}
    up.start()
    assert up.finds("zephyrkept")


def test_it_stops_in_time(up: Up) -> None:
    """Within 30 seconds, with status 0, and nothing stays behind."""
    status, seconds = up.stop()
    assert status == 0
    assert seconds < 30
    assert up.family() == {}
    up.start()
