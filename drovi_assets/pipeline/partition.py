"""A partition's name: the unit of backfill and replay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from uuid import UUID

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
        raise Invalid(
            f"“{key}” is not a partition.",
            remedy="Write it as <connection id>/<window>; see `drovi partitions`.",
        )

    @property
    def priority(self) -> int:
        """Higher for newer windows, as ``dagster/priority`` wants it: months since year 0; undated last."""
        if self.window == UNDATED.name:
            return 0
        year, _, month = self.window.partition("-")
        return int(year) * 12 + int(month or 1)
