"""The checks of each connector's assets, as Dagster sees them.

In a run over partitions they judge those; on their own (the daily schedule, a person) the whole connector.
"""

# Annotations are not postponed in this module: Dagster reads those of the functions it wraps as they are.

import dagster as dg

from drovi_assets.assets.connectors import RUNTIME
from drovi_assets.checks.expectations import SUITES
from drovi_assets.checks.rows import QUERIES, Scope, fetch, scope_of, scopes_of, standing_failures
from drovi_assets.checks.validation import validate
from drovi_assets.failures import classified
from drovi_assets.partitions import Partition, run_partitions
from drovi_assets.pipeline.runtime import Runtime
from golden_datasets.load import SetName, manifest

SHOWN = 50
GOLDEN: tuple[SetName, ...] = ("extraction", "documents")
"""The suites of ``evaluation`` that measure what this graph produces, and that need no data from outside."""


def connector_checks(connector: str) -> list[dg.AssetChecksDefinition]:
    """Row checks of one connector's documents, objects and index, and what failed and still stands."""
    return [*(_rows_hold(connector, stage) for stage in SUITES), _nothing_failed(connector)]


def golden_checks(connector: str) -> list[dg.AssetChecksDefinition]:
    """Precision and recall on the golden sets: of the code, so that one connector's assets stand for all."""
    return [_golden(connector, suite) for suite in GOLDEN]


def _rows_hold(connector: str, stage: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=dg.AssetKey([connector, stage]),
        name="rows_hold",
        description="Great Expectations over the rows as they are read back.",
        required_resource_keys={RUNTIME},
    )
    def rows_hold(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        runtime: Runtime = getattr(context.resources, RUNTIME)()
        with classified():
            rows = fetch(runtime.database, QUERIES[stage], _scopes(context, runtime, connector))
            broken = validate(f"{connector}_{stage}", rows, SUITES[stage])
        return dg.AssetCheckResult(
            passed=not broken,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={
                "rows": len(rows),
                "expectations": len(SUITES[stage]),
                "broken": [f"{one.expectation}: {one.rows} rows, such as {one.examples}" for one in broken],
            },
        )

    return rows_hold


def _nothing_failed(connector: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=dg.AssetKey([connector, "documents"]),
        name="nothing_failed",
        description="What was refused, or failed inside Drovi, and still stands: bounded, and visible until mended.",
        required_resource_keys={RUNTIME},
    )
    def nothing_failed(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        runtime: Runtime = getattr(context.resources, RUNTIME)()
        with classified():
            failures = standing_failures(runtime.database, _scopes(context, runtime, connector))
        return dg.AssetCheckResult(
            passed=not failures,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "failures": len(failures),
                "shown": [f"{one['path']}: {one['reason']}" for one in failures[:SHOWN]],
            },
        )

    return nothing_failed


def _golden(connector: str, suite: SetName) -> dg.AssetChecksDefinition:
    stage = "documents" if suite == "documents" else "objects"

    @dg.asset_check(
        asset=dg.AssetKey([connector, stage]),
        name=f"golden_{suite}",
        description=f"The golden set “{suite}”: precision and recall of the code that runs here.",
        blocking=False,
    )
    def golden() -> dg.AssetCheckResult:
        from drovi_assets.evaluation.suites import run

        with classified():
            report = run(suite)
            below = report.below(manifest().sets[suite].floors)
        return dg.AssetCheckResult(
            passed=not below,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={**report.metrics, "cases": report.cases, "below": below},
        )

    return golden


def _scopes(context: dg.AssetCheckExecutionContext, runtime: Runtime, connector: str) -> list[Scope]:
    keys = run_partitions(context.op_execution_context.run, context.instance, connector)
    if not keys:
        return scopes_of(runtime.database, connector)
    return [
        scope
        for partition in map(Partition.parse, keys)
        for scope in scope_of(runtime.database, partition.connection_id, partition.window)
    ]
