"""A partition's name holds its connection and window, and its priority puts newer windows first."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drovi_assets.partitions import Partition
from resources.errors import Invalid

windows = st.one_of(
    st.just("undated"),
    st.integers(1, 9999).map(lambda year: f"{year:04d}"),
    st.tuples(st.integers(1, 9999), st.integers(1, 12)).map(lambda at: f"{at[0]:04d}-{at[1]:02d}"),
)


@given(connection_id=st.uuids(), window=windows)
def test_a_key_names_its_partition(connection_id: UUID, window: str) -> None:
    """There and back; and never with Dagster's own delimiter in it."""
    partition = Partition(connection_id, window)
    assert Partition.parse(str(partition)) == partition
    assert "|" not in str(partition)


@pytest.mark.parametrize("key", ["", "2026-11", "x/2026-11", "/2026-11", f"{UUID(int=1)}", f"{UUID(int=1)}/"])
def test_anything_else_is_refused(key: str) -> None:
    """With how to write it."""
    with pytest.raises(Invalid, match="<connection id>/<window>"):
        Partition.parse(key)


def test_newer_windows_come_first_and_undated_ones_last() -> None:
    """As ``dagster/priority`` orders runs."""
    in_order = ["2026-11", "2026-01", "2025-12", "2023", "1999", "undated"]
    priorities = [Partition(UUID(int=0), window).priority for window in in_order]
    assert priorities == sorted(priorities, reverse=True)
    assert len(set(priorities)) == len(priorities)
