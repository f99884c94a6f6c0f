"""One factory: each connector's chain of partitioned assets, source items → records → documents → objects → index.

All five share the connector's partitions, so lineage is one to one, and materialising a partition again replays it
from the stored source items: the same versions give the same bytes. The bulk of ordinary work does not come this way
(see ``jobs.bring_up_to_date``, which reports to these assets); people's backfills and replays do.
"""

# Annotations are not postponed in this module: Dagster reads those of the functions it wraps as they are.

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import dagster as dg
from sqlalchemy import select

from drovi_assets.automation import turns_on
from drovi_assets.connectors import runner
from drovi_assets.failures import classified
from drovi_assets.partitions import Partition, windows_of
from drovi_assets.pipeline.run import Report, documents_stage, index_stage, objects_stage, records_stage
from drovi_assets.pipeline.runtime import Runtime
from resources.database import sole
from resources.schema import connection as connection_table

RUNTIME = "runtime"
"""The resource: a function that gives this process's ``Runtime``, opened with its first use."""

Stage = Callable[[Runtime, Partition], Mapping[str, int]]
"""Does one stage of one partition; returns figures for its metadata."""


@dataclass(frozen=True, slots=True)
class _Link:
    """One asset of the chain."""

    name: str
    does: str
    stage: Stage


def connector_assets(connector: str) -> list[dg.AssetsDefinition]:
    """The chain of one connector, in the group of its name."""
    made: list[dg.AssetsDefinition] = []
    with warnings.catch_warnings():
        # Dagster calls backfill policies a beta feature; its version is pinned.
        warnings.simplefilter("ignore", dg.BetaWarning)
        for link in CHAIN:
            upstream = [made[-1].key] if made else []
            made.append(_asset(connector, link, upstream))
    return made


def keys_of(connector: str) -> list[dg.AssetKey]:
    """The keys of a connector's chain, first to last."""
    return [dg.AssetKey([connector, link.name]) for link in CHAIN]


def figures(report: Report) -> dict[str, int]:
    """A report's counts, as metadata."""
    kinds = {f"objects/{kind}": count for kind, count in sorted(report.objects.items())}
    counts = {
        "items": report.items,
        "documents": report.parsed,
        "refused": len(report.refused),
        "warnings": len(report.warnings),
        "objects": sum(report.objects.values()),
        "chunks": report.chunks,
    }
    return {name: count for name, count in counts.items() if count} | kinds


def _asset(connector: str, link: _Link, upstream: list[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=[connector, link.name],
        deps=upstream,
        description=link.does,
        group_name=connector,
        kinds={"postgres"},
        partitions_def=windows_of(connector),
        # What a person launches over many windows is one run: 24 windows of 4 assets cost 0.7 CPU-seconds, 24 runs 22.
        backfill_policy=dg.BackfillPolicy.single_run(),
        required_resource_keys={RUNTIME},
    )
    def stage(context: dg.AssetExecutionContext) -> None:
        runtime: Runtime = getattr(context.resources, RUNTIME)()
        newest_first = sorted(map(Partition.parse, context.partition_keys), key=lambda one: -one.priority)
        for partition in newest_first:
            with classified(context.op_execution_context.retry_number):
                done = link.stage(runtime, partition)
            context.add_asset_metadata(dict(done), asset_key=context.asset_key, partition_key=str(partition))
            context.log.info("%s %s: %s", link.name, partition, dict(done))

    return stage


def _read(runtime: Runtime, partition: Partition) -> Mapping[str, int]:
    """Read the window to its end from where it was left; nothing where it was read before."""
    changed = 0
    for stream, window in runner.windows(runtime.sources, partition.connection_id):
        if window.name == partition.window:
            report = runner.backfill_window(runtime.sources, partition.connection_id, stream, window)
            changed += report.landed.new + report.landed.changed
    return {"landed": changed}


def _derived(run: Callable[..., Report]) -> Stage:
    def stage(runtime: Runtime, partition: Partition) -> Mapping[str, int]:
        with runtime.database.dispatch() as connection:
            of_connection = select(connection_table.c.org_id).where(
                connection_table.c.id == partition.connection_id
            )
            org_id = sole(connection.execute(of_connection).scalars().all(), "connection")
        turns = turns_on(runtime, org_id, partition.connection_id)
        return figures(run(runtime, org_id, partition.connection_id, partition.window, turns=turns))

    return stage


CHAIN = (
    _Link("source_items", "What the source gave, as it gave it: immutable, addressed by content.", _read),
    _Link("records", "Each current source item in Drovi's one envelope.", _derived(records_stage)),
    _Link(
        "documents",
        "Files and rows parsed: pages, blocks, words with boxes, chunks.",
        _derived(documents_stage),
    ),
    _Link(
        "objects",
        "Commitments, decisions, risks, claims and advice, each with its quote.",
        _derived(objects_stage),
    ),
    _Link("index", "Chunks made findable: terms and vectors.", _derived(index_stage)),
)
