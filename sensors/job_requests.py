"""From job rows to runs: a queued job becomes a run request, whose key is the job and its attempt.

The same request made again, by a tick that was cut short or by two, launches nothing: Dagster knows its key. Organisations
take turns: the first run of each goes before the second of any, in what is asked for and in Dagster's queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import dagster as dg
from sqlalchemy import Row, select

from drovi_assets.jobs import ATTEMPT_TAG, BULK, CONNECTION_TAG, JOB_TAG, bulk_config, replay_name
from drovi_assets.partitions import Partition, windows_of
from drovi_assets.pipeline.runtime import Runtime
from drovi_assets.schedules import GOLDEN_EVALUATION, NIGHTLY_CHECKS
from resources import job_rows
from resources.errors import DroviError
from resources.schema import connection as connection_table

BACKFILL, REPLAY = "backfill", "replay"
KINDS = (BACKFILL, REPLAY, GOLDEN_EVALUATION)
AT_ONCE = 25
WEIGHT = 100_000
"""What one step of a job's own priority is worth there: more than the age of a window."""
TURN = 1_000_000
"""By how much an organisation's next run is put behind its last in Dagster's queue: more than any other difference."""


def requests(
    runtime: Runtime, instance: dg.DagsterInstance
) -> tuple[list[dg.RunRequest], list[dg.AddDynamicPartitionsRequest]]:
    """Run requests for the jobs that are due, and the partitions they need; a job that cannot be run fails here."""
    runs: list[dg.RunRequest] = []
    partitions: list[dg.AddDynamicPartitionsRequest] = []
    with runtime.database.dispatch() as connection:
        for row in job_rows.due(connection, KINDS, AT_ONCE):
            if row.kind == GOLDEN_EVALUATION:
                runs.append(_evaluation(row))
                continue
            if row.kind == BACKFILL:
                runs.append(_backfill(row))
                continue
            try:
                partition = Partition.parse(str(row.arguments.get("partition", "")))
            except DroviError as error:
                job_rows.fail(connection, [row.id], error)
                continue
            connector = connection.execute(
                select(connection_table.c.connector).where(connection_table.c.id == partition.connection_id)
            ).scalar_one_or_none()
            if connector is None:
                job_rows.fail(connection, [row.id], "The partition's connection does not exist.")
                continue
            runs.append(_replay(row, connector, partition))
            definition = windows_of(connector)
            if not instance.has_dynamic_partition(str(definition.name), str(partition)):
                partitions.append(definition.build_add_request([str(partition)]))
    return runs, partitions


def _evaluation(row: Row[Any]) -> dg.RunRequest:
    return dg.RunRequest(run_key=_key(row), job_name=NIGHTLY_CHECKS, tags=_tags(row, None, priority=0))


def _backfill(row: Row[Any]) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=_key(row),
        job_name=BULK,
        run_config=dict(bulk_config(row.connection_id, row.id)),
        tags=_tags(row, row.connection_id, priority=0),
    )


def _replay(row: Row[Any], connector: str, partition: Partition) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=_key(row),
        job_name=replay_name(connector),
        partition_key=str(partition),
        # Newest windows first; and before bulk work, since a person waits for it.
        tags=_tags(row, partition.connection_id, priority=partition.priority),
    )


def _key(row: Row[Any]) -> str:
    return f"{row.id}/{row.attempts}"


def _tags(row: Row[Any], connection_id: UUID | None, *, priority: int) -> Mapping[str, str]:
    of_connection = {} if connection_id is None else {CONNECTION_TAG: str(connection_id)}
    return {
        JOB_TAG: str(row.id),
        ATTEMPT_TAG: str(row.attempts),
        "dagster/priority": str(priority + row.priority * WEIGHT - TURN * (row.turn - 1)),
        **of_connection,
    }
