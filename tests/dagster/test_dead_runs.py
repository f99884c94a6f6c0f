"""Workers that died: their runs are ended and their jobs asked for again, and those of the living left alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import dagster as dg
import pytest
from sqlalchemy import select, text, update

from drovi_assets import automation
from drovi_assets.deadline import Budget
from drovi_assets.jobs import BULK, JOB_TAG, WORKER_TAG, bulk_config
from drovi_assets.pipeline.runtime import Runtime
from resources import job_rows
from resources.schema import job
from resources.telemetry import metrics
from sensors import live_sync
from sensors.jobs import jobs
from sensors.reconcile import end_dead_runs, requeue_silent_jobs
from tests.dagster.conftest import Graph
from tests.dagster.job_table import queue_job, statuses


def _taken_over() -> float:
    """Jobs of workers that gave no sign, as whoever watches is told."""
    return metrics.registry.get_sample_value("drovi_lease_takeovers_total", {"lease": "job"}) or 0


def test_a_silent_job_is_queued_again_until_its_attempts_are_spent(graph: Graph) -> None:
    """A tick that was killed leaves a running job behind."""
    job_id = queue_job(graph.folder, "sync", max_attempts=2)
    database = graph.folder.database.worker
    seen = []
    for _ in range(2):
        with database.dispatch() as session:
            job_rows.start(session, [job_id])
            session.execute(update(job).values(lease_expires_at=text("now() - interval '1 second'")))
        before = _taken_over()
        assert requeue_silent_jobs(graph.folder.runtime, graph.instance) == 1
        assert _taken_over() == before + 1
        seen.append(statuses(graph.folder)["sync"])
    assert seen == ["queued", "failed"]


def test_a_history_whose_tick_was_killed_is_taken_up_within_a_minute(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick holds its job for half a minute, not for as long as a run may be silent; whatever it had noted so far."""

    def killed(*_args: object, progress: Callable[[], None], **_how: object) -> bool:
        progress()
        raise SystemExit

    monkeypatch.setattr(live_sync, "read_history", killed)
    monkeypatch.setattr(job_rows, "hand_over", lambda *_: None)  # the dead do nothing any more
    with pytest.raises(SystemExit):
        live_sync.run_tick(graph.folder.runtime, Budget.of(5))
    assert statuses(graph.folder)["backfill"] == "running"
    with graph.folder.database.worker.dispatch() as session:
        passed = timedelta(seconds=31)
        session.execute(update(job).values(lease_expires_at=job.c.lease_expires_at - passed))
    assert requeue_silent_jobs(graph.folder.runtime, graph.instance) == 1
    assert statuses(graph.folder)["backfill"] == "queued"


def test_a_run_without_a_sign_of_life_is_ended_and_asked_for_again(graph: Graph) -> None:
    """Not while a worker renews its connection's lease; after that, its job waits for another attempt."""
    job_id = queue_job(graph.folder, "backfill")
    (request,) = graph.tick(jobs).run_requests
    run = graph.instance.create_run_for_job(
        graph.repository.get_job(BULK),
        run_config=request.run_config,
        tags=dict(request.tags),
        status=dg.DagsterRunStatus.STARTED,
    )
    with graph.folder.database.worker.dispatch() as session:
        job_rows.start(session, [job_id], run_id=run.run_id)
    long_ago = timedelta(seconds=-5)
    assert end_dead_runs(graph.folder.runtime, graph.instance, long_ago) == 0
    with graph.folder.database.worker.dispatch() as session:
        session.execute(update(job).values(lease_expires_at=text("now() - interval '1 second'")))
    worker = _elsewhere(graph.folder.runtime)
    with automation.turn_of(worker, graph.folder.org_id, graph.folder.connection_id):
        assert end_dead_runs(graph.folder.runtime, graph.instance, long_ago) == 0
    with automation.turn_of(graph.folder.runtime, graph.folder.org_id, graph.folder.connection_id):
        # A live sync of the connection, in a tick, is not the run's worker.
        assert end_dead_runs(graph.folder.runtime, graph.instance, long_ago) == 1
    result = graph.tick(jobs)
    assert [one.run_key for one in result.run_requests] == [f"{job_id}/1"]
    assert result.run_requests[0].tags[JOB_TAG] == str(job_id)


def test_a_run_that_is_only_seen_is_not_alive(graph: Graph) -> None:
    """Reading the run table again and again says nothing of a worker: its job's lease runs out all the same."""
    job_id = queue_job(graph.folder, "backfill")
    (request,) = graph.tick(jobs).run_requests
    graph.instance.create_run_for_job(
        graph.repository.get_job(BULK),
        run_config=request.run_config,
        tags=dict(request.tags),
        status=dg.DagsterRunStatus.STARTED,
    )
    graph.tick(jobs)
    assert statuses(graph.folder)["backfill"] == "running"
    with graph.folder.database.worker.dispatch() as session:
        session.execute(update(job).values(lease_expires_at=text("now() - interval '1 second'")))
    graph.tick(jobs)
    with graph.folder.database.worker.dispatch() as session:
        assert not job_rows.alive(session, job_id)
    assert end_dead_runs(graph.folder.runtime, graph.instance, timedelta(seconds=-5)) == 1


def test_a_run_whose_worker_is_gone_from_this_machine_is_ended_at_once(graph: Graph) -> None:
    """However fresh its last sign; one whose worker lives here, or works on another machine, is left alone."""
    here, away = socket.gethostname(), "another-machine"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    holders = {f"{here}:{ended.pid}": 1, f"{here}:{os.getpid()}": 0, f"{away}:{ended.pid}": 0}
    for holder, dead in holders.items():
        graph.instance.create_run_for_job(
            graph.repository.get_job(BULK),
            run_config=bulk_config(graph.folder.connection_id, uuid4()),
            tags={WORKER_TAG: holder},
            status=dg.DagsterRunStatus.STARTED,
        )
        assert end_dead_runs(graph.folder.runtime, graph.instance) == dead, holder


def test_a_bulk_run_says_which_process_works_on_it(graph: Graph) -> None:
    """By its tag, as leases name their holders."""
    config = bulk_config(graph.folder.connection_id, uuid4())
    result = graph.run(BULK, run_config=config)
    run = graph.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.tags[WORKER_TAG] == graph.folder.runtime.sources.holder


@pytest.mark.parametrize(
    ("reason", "left"), [("UNEXPECTED_TERMINATION", 3), ("RUN_EXCEPTION", 2)], ids=["a deploy", "a death"]
)
def test_a_run_that_was_told_to_end_uses_up_no_attempt(graph: Graph, reason: str, left: int) -> None:
    """However often Drovi is deployed during a long backfill, it is gone on with; a worker that died is counted."""
    job_id = queue_job(graph.folder, "backfill")
    for attempt in range(2):
        (request,) = graph.tick(jobs).run_requests
        assert request.run_key == f"{job_id}/{attempt}"
        run = graph.instance.create_run_for_job(
            graph.repository.get_job(BULK),
            run_config=request.run_config,
            tags={**request.tags, "dagster/failure_reason": reason},
            status=dg.DagsterRunStatus.FAILURE,
        )
        with graph.folder.database.worker.dispatch() as session:
            job_rows.start(session, [job_id], run_id=run.run_id)
        if reason == "RUN_EXCEPTION":
            break
    assert len(graph.tick(jobs).run_requests) == 1
    with graph.folder.database.worker.dispatch() as session:
        row = session.execute(select(job)).one()
    assert (row.status, row.max_attempts - row.attempts) == ("queued", left)


def _elsewhere(runtime: Runtime) -> Runtime:
    """The same, in a process of another name."""
    return replace(runtime, sources=replace(runtime.sources, holder="elsewhere:1"))
