"""Jobs called off and halted while runs carry them out, and runs that people launched."""

from __future__ import annotations

import os
import time
from typing import Any
from uuid import UUID

import dagster as dg
import pytest
from sqlalchemy import insert, select, text, update

from drovi_assets import automation
from drovi_assets.deadline import Budget
from drovi_assets.jobs import ATTEMPT_TAG, BULK, JOB_TAG, bulk_config
from drovi_assets.pipeline.run import process
from drovi_assets.schedules import NIGHTLY_CHECKS
from resources import job_rows, kill_switches
from resources.audit import SYSTEM
from resources.errors import Invalid, ProviderDown
from resources.job_rows import Backfill
from resources.schema import connection, job, stream_cursor
from sensors.job_requests import requests
from sensors.jobs import jobs
from sensors.live_sync import run_tick
from sensors.run_status import stop
from tests.dagster.conftest import Graph
from tests.dagster.job_table import queue_job

MARCH = 1_710_000_000


def _files(graph: Graph, count: int) -> None:
    for number in range(count):
        file = graph.folder.path / f"{number}.txt"
        file.write_text(f"Note {number}: we decided to keep the auditor.", encoding="utf-8")
        os.utime(file, (MARCH, MARCH))
    time.sleep(1.1)  # a file counts as written once it was left alone for a second


def _asked(graph: Graph, **what: Any) -> UUID:
    asked = Backfill(graph.folder.connection_id, **what)
    with graph.folder.database.worker.dispatch() as session:
        return job_rows.renew(session, asked.wanted(graph.folder.org_id))[0]


def _row(graph: Graph, job_id: UUID) -> Any:
    with graph.folder.database.worker.dispatch() as session:
        return session.execute(select(job).where(job.c.id == job_id)).one()


def _history(graph: Graph) -> Any:
    """The job that reads the connection's history."""
    with graph.folder.database.worker.dispatch() as session:
        mine = job.c.idempotency_key == f"history:{graph.folder.connection_id}"
        return session.execute(select(job).where(mine)).one()


def _make_due(graph: Graph) -> None:
    with graph.folder.database.worker.dispatch() as session:
        session.execute(update(connection).values(next_sync_at=text("now()")))


def _carried_out(graph: Graph) -> dg.ExecuteInProcessResult:
    (request,), _ = requests(graph.folder.runtime, graph.instance)
    return graph.run(BULK, run_config=request.run_config, tags=request.tags)


def _do(graph: Graph, act: Any, *arguments: Any) -> Any:
    with graph.folder.database.worker.dispatch() as session:
        return act(session, *arguments)


def _interrupting(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """``act`` once, when the first item is derived: a turn each."""
    left = [act]

    def once(*batch: Any) -> Any:
        done = process(*batch)
        if left:
            left.pop()()
        return done

    monkeypatch.setattr(automation, "process", once)
    monkeypatch.setattr(automation, "BATCH", 1)
    monkeypatch.setattr(automation, "TURN_SECONDS", 0.0)


def test_a_bulk_run_stops_at_its_next_turn_when_it_is_called_off(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its run ends well, the job is cancelled and stays so; what was done is kept, and a retry goes on from there."""
    _files(graph, 3)
    job_id = _asked(graph)
    _interrupting(monkeypatch, lambda: _do(graph, job_rows.cancel, job_id))
    assert _carried_out(graph).success
    assert _row(graph, job_id).status == "cancelled"
    assert graph.tick(jobs).run_requests == []
    assert _row(graph, job_id).status == "cancelled"
    _do(graph, job_rows.retry, job_id)
    assert _carried_out(graph).success
    graph.tick(jobs)
    assert _row(graph, job_id).status == "succeeded"


def test_a_run_of_a_job_that_was_cancelled_meanwhile_does_nothing(graph: Graph) -> None:
    """It was asked for and lay in the queue."""
    _files(graph, 1)
    job_id = _asked(graph)
    (request,), _ = requests(graph.folder.runtime, graph.instance)
    _do(graph, job_rows.cancel, job_id)
    assert graph.run(BULK, run_config=request.run_config, tags=request.tags).success
    assert _row(graph, job_id).status == "cancelled"
    assert graph.folder.query(text("SELECT count(*) FROM source_item"))[0][0] == 0


def test_the_run_of_a_cancelled_job_is_ended_from_outside_too(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the queue or at work: whatever runs for the job, and nothing else."""
    mine, another = _asked(graph), _asked(graph, window="2024-03")
    for job_id in (mine, another):
        graph.instance.create_run_for_job(
            graph.repository.get_job(BULK),
            run_config=dict(bulk_config(graph.folder.connection_id, job_id)),
            tags={JOB_TAG: str(job_id), ATTEMPT_TAG: "0"},
            status=dg.DagsterRunStatus.STARTED,
        )
    ended: list[str] = []
    monkeypatch.setattr(
        graph.instance.run_coordinator, "cancel_run", lambda run_id: bool(ended.append(run_id)) or True
    )
    _do(graph, job_rows.cancel, mine)
    assert stop(graph.folder.runtime, graph.instance) == 1
    (run,) = [graph.instance.get_run_by_id(run_id) for run_id in ended]
    assert run.tags[JOB_TAG] == str(mine)


def test_a_kill_switch_ends_a_bulk_runs_turn_and_its_job_waits(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No attempt is failed; nothing is asked for while it is thrown, a live sync included, and then it goes on."""
    _files(graph, 3)
    job_id = _asked(graph)
    everything = kill_switches.EVERYTHING
    _interrupting(
        monkeypatch, lambda: _do(graph, kill_switches.throw, everything, "A provider asks for it.", SYSTEM)
    )
    assert _carried_out(graph).success
    graph.tick(jobs)
    assert _row(graph, job_id).status == "queued"
    assert requests(graph.folder.runtime, graph.instance) == ([], [])
    assert run_tick(graph.folder.runtime, Budget.of(5)).served == 0
    _do(graph, kill_switches.release, everything, SYSTEM)
    assert _carried_out(graph).success
    graph.tick(jobs)
    assert _row(graph, job_id).status == "succeeded"
    assert graph.folder.query(text("SELECT count(*) FROM chunk_index"))[0][0] == 3


def test_a_history_that_is_called_off_in_a_tick_fails_nobody(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was new is read, which answers who asked for it; the history stays cancelled until somebody retries it."""
    _files(graph, 3)
    asked = queue_job(graph.folder, "sync")
    _interrupting(monkeypatch, lambda: _do(graph, job_rows.cancel, _history(graph).id))
    tick = run_tick(graph.folder.runtime, Budget.of(15))
    assert (tick.served, tick.failed) == (1, 0)
    assert (_row(graph, asked).status, _history(graph).status) == ("succeeded", "cancelled")
    _make_due(graph)
    later = queue_job(graph.folder, "sync", idempotency_key="later")
    assert run_tick(graph.folder.runtime, Budget.of(15)).failed == 0
    assert (_row(graph, later).status, _history(graph).status) == ("succeeded", "cancelled")
    _do(graph, job_rows.retry, _history(graph).id)
    assert _carried_out(graph).success
    graph.tick(jobs)
    assert _history(graph).status == "succeeded"
    assert graph.folder.query(text("SELECT count(*) FROM chunk_index"))[0][0] == 3


@pytest.mark.parametrize(
    "error", [None, Invalid("Refused."), ProviderDown("Away."), RuntimeError("A defect.")]
)
def test_a_request_that_is_called_off_while_a_tick_reads_is_cancelled(
    graph: Graph, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    """However the reading ends, and it alone: who asked beside it hears how that went."""
    beside, mine = (queue_job(graph.folder, "sync", idempotency_key=key) for key in ("beside", "mine"))
    read = automation.runner.sync

    def cancelled_meanwhile(*arguments: Any, **how: Any) -> Any:
        _do(graph, job_rows.cancel, mine)
        if error is not None:
            raise error
        return read(*arguments, **how)

    monkeypatch.setattr(automation.runner, "sync", cancelled_meanwhile)
    run_tick(graph.folder.runtime, Budget.of(5))
    row = _row(graph, mine)
    assert (row.status, row.error_code, row.lease_expires_at) == ("cancelled", None, None)
    ends = {type(None): "succeeded", ProviderDown: "queued"}
    assert _row(graph, beside).status == ends.get(type(error), "failed")


def test_a_full_refresh_reads_the_part_asked_for_again_and_keeps_ids(graph: Graph) -> None:
    """From empty, its window alone, once however often its run is begun; what has not changed is the same item."""
    _files(graph, 2)
    graph.folder.ingest()
    before = graph.folder.query(text("SELECT id, provider_id FROM source_item ORDER BY id"))
    with graph.folder.database.worker.organisation(graph.folder.org_id) as session:
        window = session.execute(select(stream_cursor).where(stream_cursor.c.scope == "2024-03")).one()
        other = dict(window._mapping) | {"scope": "2023-01"}
        session.execute(insert(stream_cursor).values(other))
    job_id = _asked(graph, window="2024-03", full_refresh=True)
    assert _carried_out(graph).success
    graph.tick(jobs)
    assert _row(graph, job_id).status == "succeeded"
    assert graph.folder.query(text("SELECT id, provider_id FROM source_item ORDER BY id")) == before
    with graph.folder.database.worker.organisation(graph.folder.org_id) as session:
        cursors = {row.scope: row for row in session.execute(select(stream_cursor))}
    assert cursors["2024-03"].updated_at > window.updated_at
    assert cursors["2024-03"].complete
    assert cursors["2023-01"].updated_at == window.updated_at
    assert cursors["sweep"].cursor == {"due": True}


def test_a_span_is_the_windows_that_it_touches(graph: Graph) -> None:
    """Those alone are read, and read again; the rest of the history waits for whoever asks for it."""
    _files(graph, 2)
    old = graph.folder.path / "1.txt"
    os.utime(old, (MARCH - 400 * 86_400, MARCH - 400 * 86_400))
    spring = "2024-03-31/2024-06-01"
    for full_refresh in (False, True):
        job_id = _asked(graph, stream="files", window=spring, full_refresh=full_refresh)
        assert _carried_out(graph).success
        graph.tick(jobs)
        assert _row(graph, job_id).status == "succeeded"
        with graph.folder.database.worker.organisation(graph.folder.org_id) as session:
            scopes = set(session.execute(select(stream_cursor.c.scope)).scalars())
        assert "2024-03" in scopes
        assert "2023" not in scopes
    (item,) = graph.folder.query(text("SELECT provider_id FROM source_item"))
    assert item.provider_id == "0.txt"


def test_a_backfill_of_a_stream_that_is_not_there_fails_and_the_connection_goes_on(graph: Graph) -> None:
    job_id = _asked(graph, stream="nonsense", full_refresh=True)
    assert not _carried_out(graph).success
    graph.tick(jobs)
    assert _row(graph, job_id).status == "failed"
    assert run_tick(graph.folder.runtime, Budget.of(5)).served == 1


@pytest.mark.parametrize("name", [BULK, NIGHTLY_CHECKS])
def test_every_run_that_a_person_launches_has_a_job_row(graph: Graph, name: str) -> None:
    """A bulk run under its connection's organisation, the checks as the platform's own; a run launched again as well."""
    config = {"ops": {"work_in_turns": {"config": {"connection_id": str(graph.folder.connection_id)}}}}
    run = graph.instance.create_run_for_job(
        graph.repository.get_job(name),
        run_config=config if name == BULK else {},
        tags={JOB_TAG: str(_asked(graph)), "dagster/parent_run_id": "1", ATTEMPT_TAG: "0"},
        status=dg.DagsterRunStatus.STARTED,
    )
    cursor = graph.tick(jobs).cursor
    graph.tick(jobs, cursor)
    with graph.folder.database.worker.dispatch() as session:
        row = session.execute(select(job).where(job.c.kind == job_rows.MATERIALIZE)).one()
    org_id = graph.folder.org_id if name == BULK else None
    assert (row.org_id, row.status, row.dagster_run_id) == (org_id, "running", run.run_id)
    graph.instance.report_run_failed(run)
    graph.tick(jobs, cursor)
    assert _row(graph, row.id).status == "failed"
