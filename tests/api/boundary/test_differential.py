"""What one tenant does, holds and asks for leaves no trace in any answer to the other."""

from __future__ import annotations

import pytest

from tests.api.boundary.differential import Boundary
from tests.api.boundary.sides import Ground


@pytest.mark.parametrize("index", ["exact", "approximate"])
def test_two_tenants_never_notice_each_other(ground: Ground, index: str) -> None:
    """Every operation, every place that takes an id or a word; with vectors compared one by one, and by the graph."""
    if index == "approximate":
        ground.search_approximately()
    assert "\n".join(map(str, Boundary(ground).findings())) == ""
