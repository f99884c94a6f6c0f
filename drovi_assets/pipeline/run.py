"""The stages over one batch of items (live and bulk), or over a whole partition again (replay)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection, select

from drovi_assets.pipeline import items as queue
from drovi_assets.pipeline.documents import DerivedDocument, derive_documents, write_documents
from drovi_assets.pipeline.index import write_index
from drovi_assets.pipeline.objects import write_objects
from drovi_assets.pipeline.records import record_id, write_records
from drovi_assets.pipeline.runtime import Runtime
from drovi_assets.records.normalise import SourceItem
from resources.errors import DroviError
from resources.schema import document
from resources.telemetry import metrics

BATCH = 16
"""Items a transaction: small enough that a kill loses seconds of work, large enough to fill an embedding batch."""


@dataclass(slots=True)
class Report:
    """What became of the items: counts, refusals with their reasons, warnings, objects by kind."""

    items: int = 0
    parsed: int = 0
    refused: list[dict[str, str]] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)
    objects: Counter[str] = field(default_factory=Counter)
    chunks: int = 0

    def add(self, other: Report) -> None:
        """Take another batch's figures in."""
        self.items += other.items
        self.parsed += other.parsed
        self.refused += other.refused
        self.warnings += other.warnings
        self.objects.update(other.objects)
        self.chunks += other.chunks


Turns = Callable[[], AbstractContextManager[object]]
"""Takes a turn on the connection for the length of a block, waiting for it where another worker has it."""


def process(runtime: Runtime, org_id: UUID, item_ids: Sequence[UUID]) -> Report:
    """Every stage over one batch of items, which leaves the queue last: a batch cut short is simply done again."""
    with runtime.database.organisation(org_id) as connection:
        batch = queue.load(connection, item_ids)
    derived = derive_documents(runtime, org_id, batch)
    with runtime.database.organisation(org_id) as connection:
        write_records(connection, org_id, batch)
        write_documents(connection, org_id, derived)
        report = _report(batch, derived)
        report.objects = write_objects(connection, org_id, [one.id for one in derived])
    report.chunks = write_index(runtime, org_id, [one.id for one in derived])
    with runtime.database.organisation(org_id) as connection:
        delays = queue.mark_processed(connection, item_ids)
    for delay in delays:
        metrics.indexed("landed", delay.landed)
        if delay.occurred is not None:
            metrics.indexed("occurred", delay.occurred)
    return report


def records_stage(
    runtime: Runtime, org_id: UUID, connection_id: UUID, window: str, *, turns: Turns
) -> Report:
    """Stage 1 over a partition, from the stored source items."""
    report = Report()
    for batch in _batches(runtime, org_id, connection_id, window, turns):
        with runtime.database.organisation(org_id) as connection:
            report.items += write_records(connection, org_id, batch)
    return report


def documents_stage(
    runtime: Runtime, org_id: UUID, connection_id: UUID, window: str, *, turns: Turns
) -> Report:
    """Stage 2 over a partition: parse every file again, write what came out differently."""
    report = Report()
    for batch in _batches(runtime, org_id, connection_id, window, turns):
        derived = derive_documents(runtime, org_id, batch)
        with runtime.database.organisation(org_id) as connection:
            write_documents(connection, org_id, derived)
        report.add(_report(batch, derived))
    return report


def objects_stage(
    runtime: Runtime, org_id: UUID, connection_id: UUID, window: str, *, turns: Turns
) -> Report:
    """Stage 3 over a partition: extract again, supersede what is no longer found."""
    report = Report()
    for batch in _batches(runtime, org_id, connection_id, window, turns):
        with runtime.database.organisation(org_id) as connection:
            documents = _document_ids(connection, batch)
            report.objects.update(write_objects(connection, org_id, documents))
        report.items += len(batch)
    return report


def index_stage(runtime: Runtime, org_id: UUID, connection_id: UUID, window: str, *, turns: Turns) -> Report:
    """Stage 4 over a partition: make every chunk findable, then take the items off the queue."""
    report = Report()
    for batch in _batches(runtime, org_id, connection_id, window, turns):
        with runtime.database.organisation(org_id) as connection:
            documents = _document_ids(connection, batch)
        report.chunks += write_index(runtime, org_id, documents)
        with runtime.database.organisation(org_id) as connection:
            queue.mark_processed(connection, [item.id for item in batch])
        report.items += len(batch)
    return report


def _batches(
    runtime: Runtime, org_id: UUID, connection_id: UUID, window: str, turns: Turns
) -> Iterator[list[SourceItem]]:
    """Batches of a partition's items, each under a turn of its own: live syncs come in between."""
    with runtime.database.organisation(org_id) as connection:
        ids = queue.of_window(connection, connection_id, window)
    for start in range(0, len(ids), BATCH):
        with turns():
            with runtime.database.organisation(org_id) as connection:
                batch = queue.load(connection, ids[start : start + BATCH])
            yield batch


def _document_ids(connection: Connection, batch: Sequence[SourceItem]) -> list[UUID]:
    records = [record_id(item.id) for item in batch]
    query = select(document.c.id).where(document.c.record_id.in_(records)).order_by(document.c.id)
    return list(connection.execute(query).scalars())


def _report(batch: Sequence[SourceItem], derived: Sequence[DerivedDocument]) -> Report:
    report = Report(items=len(batch))
    for one in derived:
        if isinstance(one.outcome, DroviError):
            report.refused.append({"path": one.path, "reason": str(one.outcome)})
        else:
            report.parsed += 1
            report.warnings += [{"path": one.path, "warning": warning} for warning in one.outcome.warnings]
    return report
