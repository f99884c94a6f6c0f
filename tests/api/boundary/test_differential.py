"""What one tenant does, holds and asks for leaves no trace in any answer to the other."""

from __future__ import annotations

import pytest

from tests.api.boundary.differential import Boundary
from tests.api.boundary.leaks import LEAKS, Leak
from tests.api.boundary.makers import Uncovered
from tests.api.boundary.sides import Ground


@pytest.mark.parametrize("index", ["exact", "approximate"])
def test_two_tenants_never_notice_each_other(ground: Ground, index: str) -> None:
    """Every operation, every place that takes an id or a word; with vectors compared one by one, and by the graph."""
    if index == "approximate":
        ground.search_approximately()
    assert "\n".join(map(str, Boundary(ground).findings())) == ""


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.name.replace(" ", "-"))
def test_a_planted_leak_is_caught(ground: Ground, monkeypatch: pytest.MonkeyPatch, leak: Leak) -> None:
    """By the check that is there for it; a harness that finds nothing proves nothing until it found these."""
    leak.plant(ground, monkeypatch)
    check = getattr(Boundary(ground, leak.makers), leak.caught_by)
    assert any(finding.check == leak.caught_by for finding in check())


def test_an_operation_that_nobody_says_how_to_ask_fails(ground: Ground) -> None:
    """Coverage is of every operation of the document, those of tomorrow included."""
    facets = next(leak for leak in LEAKS if "planted_facets" in leak.makers)
    facets.plant(ground, pytest.MonkeyPatch())
    with pytest.raises(Uncovered, match="planted_facets"):
        Boundary(ground)
