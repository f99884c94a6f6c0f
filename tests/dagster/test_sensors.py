"""Ticks over one connected folder: what they read, what they tell Dagster, what they leave to runs."""

from __future__ import annotations

import os
import shutil
import threading
import time
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, select, text, update

from drovi_assets import automation
from drovi_assets.assets.connectors import keys_of
from drovi_assets.checks.rows import Scope, standing_failures
from drovi_assets.deadline import Budget
from drovi_assets.jobs import BULK
from drovi_assets.partitions import Partition, windows_of
from drovi_assets.pipeline.run import Report, process
from resources import audit
from resources.clock import now
from resources.errors import ProviderDown, TimedOut
from resources.schema import (
    app_user,
    connection_event,
    connection_lease,
    job,
    membership,
    organisation,
    organisation_policy,
)
from resources.schema import connection as connection_table
from sensors.cursors import RunsCursor
from sensors.job_requests import requests
from sensors.jobs import jobs
from sensors.live_sync import live_sync, run_tick
from sensors.reconcile import read_elsewhere, reconcile
from tests.dagster.conftest import Graph
from tests.dagster.job_table import queue_job, statuses
from tests.integration.pipeline.conftest import Folder

MARCH = 1_710_000_000


def _write(folder: Folder, name: str, content: str = "We decided to keep the auditor.") -> None:
    file = folder.path / name
    file.write_text(content, encoding="utf-8")
    os.utime(file, (MARCH, MARCH))


def _settle() -> None:
    time.sleep(1.1)  # a file counts as written once it was left alone for a second


def _make_due(folder: Folder) -> None:
    with folder.database.worker.dispatch() as session:
        session.execute(update(connection_table).values(next_sync_at=text("now()")))


def _indexed(folder: Folder) -> int:
    return folder.query(text("SELECT count(*) FROM chunk_index"))[0][0]


def test_a_first_tick_reads_the_history_and_tells_every_asset(graph: Graph) -> None:
    """One small folder, one tick: all of it is findable, and its partition is known and materialised."""
    _write(graph.folder, "a.txt")
    _write(graph.folder, "b.txt", "Paul will send the file by 3 April 2024.")
    _settle()
    result = graph.tick(live_sync)
    partition = str(Partition(graph.folder.connection_id, "2024-03"))
    assert {event.asset_key for event in result.asset_events} == set(keys_of("documents"))
    assert {event.partition for event in result.asset_events} == {partition}
    (request,) = result.dynamic_partitions_requests
    assert request.partition_keys == [partition]
    assert _indexed(graph.folder) == 2
    assert statuses(graph.folder) == {"backfill": "succeeded"}


def _progress(folder: Folder) -> list[dict[str, Any]]:
    """What streams were told of the history, oldest first; None once it was over."""
    query = select(connection_event.c.state).order_by(connection_event.c.id)
    with folder.database.worker.organisation(folder.org_id) as session:
        return [state.get("progress") for state in session.execute(query).scalars()]


def test_how_far_a_history_is_is_told_while_it_is_read(graph: Graph) -> None:
    """Window by window to who follows the job; who watches the connection is told so until it is over."""
    for month in range(3):
        name = f"{month}.txt"
        _write(graph.folder, name)
        os.utime(graph.folder.path / name, (MARCH + month * 32 * 86400,) * 2)
    _settle()
    graph.tick(live_sync)
    with graph.folder.database.worker.dispatch() as session:
        (result,) = session.execute(select(job.c.result).where(job.c.kind == "backfill")).scalars()
    figures = {name: result[name] for name in ("items", "windows_done", "windows_total", "eta_seconds")}
    assert figures == {"items": 3, "windows_done": 3, "windows_total": 3, "eta_seconds": 0}
    told = _progress(graph.folder)
    assert told[-1] is None
    first = next(one for one in told if one)
    assert (first["windows_total"], first["last_error"]) == (3, None)


def test_what_a_source_fails_with_is_told_by_its_code(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in its words, which may quote what it holds."""

    def refuse(*_: object, **__: object) -> None:
        raise ProviderDown("The folder Morel is away.", remedy="Wait.")

    _write(graph.folder, "a.txt")
    _settle()
    with monkeypatch.context() as patched:
        patched.setattr(automation.runner, "backfill_window", refuse)
        graph.tick(live_sync)
    told = _progress(graph.folder)
    assert told[-1]["last_error"] == "SERVER_ERROR"
    assert "Morel" not in str(told)
    _make_due(graph.folder)
    graph.tick(live_sync)
    assert statuses(graph.folder) == {"backfill": "queued"}, "a run goes on with it"


def test_a_tick_with_nothing_new_says_so(graph: Graph) -> None:
    """And leaves no event behind; a partition that is known is not asked for again."""
    graph.tick(live_sync)
    _make_due(graph.folder)
    assert "nothing new" in graph.tick(live_sync).skip_message
    _write(graph.folder, "a.txt")
    _settle()
    partition = str(Partition(graph.folder.connection_id, "2024-03"))
    graph.instance.add_dynamic_partitions(str(windows_of("documents").name), [partition])
    _make_due(graph.folder)
    result = graph.tick(live_sync)
    assert len(result.asset_events) == len(keys_of("documents"))
    assert not result.dynamic_partitions_requests


def test_a_request_to_sync_is_answered_by_the_tick(graph: Graph) -> None:
    """Whether or not the connection is due, and with what was done."""
    graph.tick(live_sync)
    with graph.folder.database.worker.dispatch() as session:
        session.execute(update(connection_table).values(next_sync_at=text("now() + interval '1 hour'")))
    _write(graph.folder, "a.txt")
    _settle()
    job_id = queue_job(graph.folder, "sync")
    graph.tick(live_sync)
    with graph.folder.database.worker.dispatch() as session:
        row = session.execute(select(job).where(job.c.id == job_id)).one()
    assert (row.status, row.attempts, row.result["documents"]) == ("succeeded", 1, 1)


def test_a_private_source_waits_while_its_owner_is_no_member(graph: Graph) -> None:
    """It is theirs: nothing is read that nobody could see, and it goes on when they are back. A shared one is read on."""
    folder = graph.folder
    _write(folder, "a.txt")
    _settle()
    with folder.database.worker.organisation(folder.org_id) as session:
        session.execute(update(connection_table).values(visibility="PRIVATE"))
        owner_id = session.execute(select(connection_table.c.owner_id)).scalar_one()
        as_owner = {"org_id": folder.org_id, "user_id": owner_id, "role": "OWNER"}
        colleague = (
            insert(app_user).values(email="second@firm.example", name="Second").returning(app_user.c.id)
        )
        second = as_owner | {"user_id": session.execute(colleague).scalar_one()}
        session.execute(insert(membership).values(second))
        session.execute(delete(membership).where(membership.c.user_id == owner_id))
    queue_job(folder, "sync")
    assert graph.tick(live_sync).skip_message.startswith("0 connections read")
    with folder.database.worker.organisation(folder.org_id) as session:
        session.execute(insert(membership).values(as_owner))
    graph.tick(live_sync)
    assert _indexed(folder) == 1
    with folder.database.worker.organisation(folder.org_id) as session:
        session.execute(update(connection_table).values(visibility="ORG_SHARED"))
        session.execute(delete(membership).where(membership.c.user_id == owner_id))
    _make_due(folder)
    assert graph.tick(live_sync).skip_message.startswith("1 connections read")


def test_a_suspended_organisation_is_not_read_for(graph: Graph) -> None:
    """Nor when a sync was asked for before; it goes on when it is resumed."""
    folder = graph.folder
    _write(folder, "a.txt")
    _settle()
    queue_job(folder, "sync")
    _set_organisation(folder, "suspended")
    assert graph.tick(live_sync).skip_message.startswith("0 connections read")
    _set_organisation(folder, "active")
    graph.tick(live_sync)
    assert _indexed(folder) == 1


def _set_organisation(folder: Folder, status: str) -> None:
    with folder.database.worker.dispatch() as session:
        session.execute(update(organisation).where(organisation.c.id == folder.org_id).values(status=status))


def test_what_exceeds_a_tick_becomes_one_run_that_finishes_it(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job row goes from the tick to a run and back, the run's key is the job, and nothing is left."""
    for number in range(20):
        _write(graph.folder, f"{number}.txt", f"Note {number}: we decided to proceed.")
    _settle()
    budget = 3.0

    def slowly(*batch: Any) -> Report:
        time.sleep(budget)  # a first batch that takes all of the tick, however fast the machine
        return process(*batch)

    with monkeypatch.context() as patched:
        patched.setattr(automation, "process", slowly)
        run_tick(graph.folder.runtime, Budget.of(budget))
    _make_due(graph.folder)
    assert statuses(graph.folder)["backfill"] == "queued"
    first = graph.tick(jobs)
    second = graph.tick(jobs, first.cursor)
    (request,) = first.run_requests
    assert [one.run_key for one in second.run_requests] == [request.run_key]
    assert request.tags["drovi/connection"] == str(graph.folder.connection_id)
    result = graph.run(BULK, run_config=request.run_config, tags=request.tags)
    assert result.success
    assert _indexed(graph.folder) == 20
    graph.tick(jobs, second.cursor)
    with graph.folder.database.worker.dispatch() as session:
        row = session.execute(select(job)).one()
    assert (row.status, row.dagster_run_id) == ("succeeded", result.run_id)
    assert graph.instance.get_materialized_partitions(keys_of("documents")[-1]) == {
        str(Partition(graph.folder.connection_id, "2024-03"))
    }


def test_a_persons_run_gets_a_job_row(graph: Graph) -> None:
    """What is launched in the Dagster UI is seen by the organisation too, and its failure as well."""
    partition = Partition(graph.folder.connection_id, "2024-03")
    graph.instance.add_dynamic_partitions(str(windows_of("documents").name), [str(partition)])
    run = graph.run("replay_documents", partition_key=str(partition))
    cursor = graph.tick(jobs).cursor
    graph.tick(jobs, cursor)
    with graph.folder.database.worker.dispatch() as session:
        row = session.execute(select(job)).one()
    assert (row.kind, row.status, row.dagster_run_id) == ("materialize", "succeeded", run.run_id)
    assert row.arguments["partition"] == str(partition)
    assert RunsCursor.parse(cursor, now()).seen <= now()


def test_a_replay_is_asked_for_with_its_partition_and_priority(graph: Graph) -> None:
    """A job that cannot be run fails with the reason; the others go on."""
    key = str(Partition(graph.folder.connection_id, "2024-03"))
    queue_job(graph.folder, "replay", idempotency_key="good", arguments={"partition": key})
    bad = queue_job(graph.folder, "replay", idempotency_key="bad", arguments={"partition": "nonsense"})
    (request,), (partitions,) = requests(graph.folder.runtime, graph.instance)
    assert (request.job_name, request.partition_key) == ("replay_documents", key)
    assert partitions.partition_keys == [key]
    assert request.tags["dagster/priority"] == str(2024 * 12 + 3)
    with graph.folder.database.worker.dispatch() as session:
        row = session.execute(select(job).where(job.c.id == bad)).one()
    assert row.status == "failed"
    assert "<connection id>/<window>" in row.error_message


def test_a_connection_that_needs_a_person_stops_and_says_why(graph: Graph) -> None:
    """Its request fails with the remedy, and the next tick leaves it alone."""
    graph.tick(live_sync)
    shutil.rmtree(graph.folder.path)
    job_id = queue_job(graph.folder, "sync")
    graph.tick(live_sync)
    with graph.folder.database.worker.dispatch() as session:
        row = session.execute(select(job).where(job.c.id == job_id)).one()
        connection = session.execute(select(connection_table)).one()
    assert (row.status, row.error_code) == ("failed", "NOT_CONFIGURED")
    assert connection.status == "needs_person"
    _make_due(graph.folder)
    assert run_tick(graph.folder.runtime, Budget.of(5)).served == 0


def test_one_bad_item_does_not_hold_up_the_others(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect met with one file: the others are found, that one is listed as failed until it is derived."""
    for name in ("a.txt", "b.txt", "c.txt"):
        _write(graph.folder, name)
    _settle()
    whole = automation.process
    bad: set[UUID] = set()

    def process(runtime, org_id, item_ids):
        bad.add(bad.pop() if bad else min(item_ids))
        if bad & set(item_ids):
            raise ZeroDivisionError
        return whole(runtime, org_id, item_ids)

    monkeypatch.setattr(automation, "process", process)
    for _ in range(automation.TRIES):
        _make_due(graph.folder)
        graph.tick(live_sync)
        assert _indexed(graph.folder) == 2
    scope = Scope(graph.folder.org_id, graph.folder.connection_id)
    assert len(standing_failures(graph.folder.database.worker, [scope])) == 1
    monkeypatch.undo()
    partition = str(Partition(graph.folder.connection_id, "2024-03"))
    graph.instance.add_dynamic_partitions(str(windows_of("documents").name), [partition])
    assert graph.run("replay_documents", partition_key=partition).success
    assert standing_failures(graph.folder.database.worker, [scope]) == []


def test_turns_are_taken_in_the_order_they_were_asked_for(folder: Folder) -> None:
    """A backfill that asks for turn after turn does not starve a live sync; patience has an end."""
    order: list[str] = []

    def bulk() -> None:
        for _ in range(4):
            with automation.turn_of(folder.runtime, folder.org_id, folder.connection_id):
                order.append("bulk")
                time.sleep(0.3)

    with automation.turn_of(folder.runtime, folder.org_id, folder.connection_id):
        thread = threading.Thread(target=bulk)
        thread.start()
        with (
            pytest.raises(TimedOut),
            automation.turn_of(folder.runtime, folder.org_id, folder.connection_id, patience=0.2),
        ):
            pass
    while not order:
        time.sleep(0.01)
    with automation.turn_of(folder.runtime, folder.org_id, folder.connection_id):
        order.append("live")
    thread.join()
    assert order.index("live") <= 2
    with folder.database.worker.dispatch() as session:
        assert session.execute(select(connection_lease.c.fence)).scalar_one() == 6


def test_what_the_command_line_read_is_told_once(folder: Folder, graph: Graph) -> None:
    """A partition read without Dagster appears in its lineage, materialised, at the next reconciliation."""
    _write(folder, "minutes.txt")
    _settle()
    folder.ingest()
    key = str(Partition(folder.connection_id, "2024-03"))
    assert read_elsewhere(folder.runtime, graph.instance) == [("documents", key)]
    told = graph.tick(reconcile).asset_events
    assert {event.asset_key for event in told} == set(keys_of("documents"))
    graph.instance.add_dynamic_partitions(str(windows_of("documents").name), [key])
    assert read_elsewhere(folder.runtime, graph.instance) == []


def test_the_audit_log_is_anchored_by_a_tick_and_not_by_each(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a run. An object store that does not answer holds nothing else up."""
    folder = graph.folder
    with folder.database.worker.organisation(folder.org_id) as session:
        audit.record(session, audit.SYSTEM, audit.Action.RETENTION_APPLIED, "organisation", folder.org_id)

    def down(*note: object) -> None:
        raise ProviderDown("The object store failed.")

    with monkeypatch.context() as patched:
        patched.setattr(type(folder.runtime.objects), "write_once", down)
        assert "0 audit chains anchored" in graph.tick(reconcile).skip_message
    assert "1 audit chains anchored" in graph.tick(reconcile).skip_message
    assert "0 audit chains anchored" in graph.tick(reconcile).skip_message
    assert audit.verify(folder.database.worker, folder.runtime.objects, folder.org_id).anchors == 1


def test_reconciling_asks_for_retention_once_a_day(graph: Graph, folder: Folder) -> None:
    """Where a policy names days; the jobs sensor's chores do it."""
    policy = organisation_policy.insert().values(org_id=folder.org_id, retention_days={"document": 30})
    with folder.database.worker.organisation(folder.org_id) as session:
        session.execute(policy)
    for _ in range(2):
        graph.tick(reconcile)
    with folder.database.worker.dispatch() as session:
        (asked,) = session.execute(select(job).where(job.c.kind == "retention")).all()
    assert (asked.org_id, asked.requested_by) == (folder.org_id, None)
    graph.tick(jobs)
    with folder.database.worker.dispatch() as session:
        row = session.execute(select(job).where(job.c.id == asked.id)).one()
    assert (row.status, row.result) == ("succeeded", {"held": 0, "removed": {}})
