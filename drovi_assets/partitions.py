"""Partitions: a connection's items by window, ``<connection id>/<window>``, registered when first needed.

One dynamic set of keys for each connector, shared by its whole chain of assets, so that lineage is one to one.
"""

from __future__ import annotations

import dagster as dg

from drovi_assets.pipeline.partition import Partition

__all__ = ["Partition", "run_partitions", "windows_of"]


def windows_of(connector: str) -> dg.DynamicPartitionsDefinition:
    """The partitions of a connector's assets."""
    return dg.DynamicPartitionsDefinition(name=f"{connector}_windows")


ONE_TAG = "dagster/partition"
FIRST_TAG, LAST_TAG = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def run_partitions(run: dg.DagsterRun, instance: dg.DagsterInstance, connector: str) -> list[str]:
    """The keys that a run is for, by its tags; empty for a run without partitions.

    A check's own context does not know them: checks have no partitions.
    """
    if one := run.tags.get(ONE_TAG):
        return [one]
    if FIRST_TAG not in run.tags:
        return []
    known = list(instance.get_dynamic_partitions(str(windows_of(connector).name)))
    first, last = known.index(run.tags[FIRST_TAG]), known.index(run.tags[LAST_TAG])
    return known[first : last + 1]
