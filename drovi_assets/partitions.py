"""Partitions: a connection's items by window, ``<connection id>/<window>``, registered when first needed.

One dynamic set of keys for each connector, shared by its whole chain of assets, so that lineage is one to one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from uuid import UUID

import dagster as dg

from drovi_assets.connectors.windows import UNDATED
from resources.errors import Invalid


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """One connection's items of one window."""

    connection_id: UUID
    window: str

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.window}"

    @classmethod
    def parse(cls, key: str) -> Self:
        """The partition of that key.

        Raises:
            Invalid: it is not ``<connection id>/<window>``.
        """
        connection_id, _, window = key.partition("/")
        try:
            if window:
                return cls(UUID(connection_id), window)
        except ValueError:
            pass
        raise Invalid(f"“{key}” is not a partition.", remedy="Write it as <connection id>/<window>.")

    @property
    def priority(self) -> int:
        """Higher for newer windows, as ``dagster/priority`` wants it: months since year 0; undated last."""
        if self.window == UNDATED.name:
            return 0
        year, _, month = self.window.partition("-")
        return int(year) * 12 + int(month or 1)


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
