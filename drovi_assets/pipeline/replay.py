"""A partition derived again from its stored source items: same versions in, same bytes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from drovi_assets.pipeline.fingerprint import fingerprint
from drovi_assets.pipeline.partition import Partition
from drovi_assets.pipeline.run import (
    Report,
    Turns,
    documents_stage,
    index_stage,
    objects_stage,
    records_stage,
)
from drovi_assets.pipeline.runtime import Runtime
from resources.errors import NotFound
from resources.schema import source_item


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay read and whether anything came out differently."""

    partition: str
    report: Report
    before: str
    after: str


def replay(runtime: Runtime, org_id: UUID, key: str, turns: Callable[[UUID], Turns]) -> Replay:
    """Run every stage over a partition again; ``turns`` says how turns on a connection are taken.

    Raises:
        Invalid: the key is not a partition's.
        NotFound: nothing has landed in it.
    """
    partition = Partition.parse(key)
    connection_id, window = partition.connection_id, partition.window
    with runtime.database.organisation(org_id) as connection:
        count = connection.execute(
            select(func.count())
            .select_from(source_item)
            .where(source_item.c.connection_id == connection_id, source_item.c.window == window)
        ).scalar_one()
        if not count:
            raise NotFound(f"Nothing has landed in the partition {key}.", remedy="See `drovi partitions`.")
        before = fingerprint(connection, connection_id, window)
    total = Report()
    for stage in (records_stage, documents_stage, objects_stage, index_stage):
        report = stage(runtime, org_id, connection_id, window, turns=turns(connection_id))
        total.parsed += report.parsed
        total.refused += report.refused
        total.objects.update(report.objects)
        total.chunks += report.chunks
        total.items = report.items or total.items
    with runtime.database.organisation(org_id) as connection:
        after = fingerprint(connection, connection_id, window)
    return Replay(key, total, before, after)
