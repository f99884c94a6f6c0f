"""What Dagster is told: it loads, costs little to load, and hangs together."""

from __future__ import annotations

import itertools
import subprocess
import sys

import dagster as dg

from drovi.definitions import build_defs
from drovi_assets.assets.connectors import keys_of
from drovi_assets.connectors.registry import CONNECTORS
from tests.conftest import REPOSITORY

HEAVY = ("torch", "sentence_transformers", "great_expectations", "pandas", "unstructured", "boto3", "sklearn")


def test_every_connector_has_its_chain_one_partition_deep() -> None:
    """Five assets in a row on the same partitions: lineage is one to one."""
    graph = build_defs().resolve_asset_graph()
    for connector in CONNECTORS:
        keys = keys_of(connector)
        for upstream, key in itertools.pairwise(keys):
            assert graph.get(key).parent_keys == {upstream}
        definitions = {graph.get(key).partitions_def for key in keys}
        assert definitions == {dg.DynamicPartitionsDefinition(name=f"{connector}_windows")}
        assert all(graph.get(key).backfill_policy == dg.BackfillPolicy.single_run() for key in keys)


def test_derived_assets_are_checked() -> None:
    """Rows of every derived asset by expectations, failures that still stand, golden sets for one connector."""
    names = {(key.asset_key.path[0], key.asset_key.path[1], key.name) for key in _checks()}
    for connector in CONNECTORS:
        for stage in ("documents", "objects", "index"):
            assert (connector, stage, "rows_hold") in names
        assert (connector, "documents", "nothing_failed") in names
    assert ("documents", "objects", "golden_extraction") in names


def test_few_sensors_that_do_not_alias_with_the_daemon() -> None:
    """Each tick costs 0.14 CPU-seconds, and an interval of 5 s on a loop of 5 s means every other loop."""
    sensors = build_defs().get_repository_def().sensor_defs
    assert {sensor.name for sensor in sensors} == {"live_sync", "events", "jobs", "reconcile"}
    intervals = {sensor.name: sensor.minimum_interval_seconds for sensor in sensors}
    assert intervals["live_sync"] <= 4
    assert intervals["jobs"] <= 4
    assert intervals["events"] <= 4
    assert all(sensor.default_status is dg.DefaultSensorStatus.RUNNING for sensor in sensors)


def test_the_code_location_imports_nothing_heavy() -> None:
    """A run starts by importing it: what a stage needs is imported where it is used."""
    script = f"import sys, drovi.definitions; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def _checks() -> set[dg.AssetCheckKey]:
    return set(build_defs().resolve_asset_graph().asset_check_keys)
