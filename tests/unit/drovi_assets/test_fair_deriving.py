"""Deriving from what landed shares a slice of time between organisations, however much one of them has."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from drovi_assets.consumers import landed
from drovi_assets.consumers.contract import Handled, Work, nothing_stopped
from drovi_assets.consumers.standing import Standing
from drovi_assets.pipeline.runtime import Runtime

FLOODING, OTHER = uuid4(), uuid4()


def _source(org_id: UUID) -> Standing:
    return Standing(uuid4(), org_id, "documents", uuid4(), wanted=True)


@pytest.mark.parametrize("chance", [0.0, 0.49, 0.5, 0.99])
def test_who_has_little_is_among_the_first_two(monkeypatch: pytest.MonkeyPatch, chance: float) -> None:
    """Chance decides who begins; each connection has its part of what is left, and no less than the last ones."""
    sources: list[tuple[Standing, list[Any]]] = [(_source(FLOODING), []) for _ in range(9)]
    sources.append((_source(OTHER), []))
    served: list[UUID] = []
    parts: list[float] = []

    def note(work: Work, source: Standing, _told: object) -> Handled:
        served.append(source.org_id)
        parts.append(work.deadline.left)
        return Handled()

    monkeypatch.setattr(landed, "by_source", lambda *_: (sources, 0))
    monkeypatch.setattr(landed, "_derive", note)
    runtime = cast("Runtime", SimpleNamespace(sources=SimpleNamespace(jitter=lambda: chance)))
    work = Work(runtime, cast("Any", None), SimpleNamespace(left=3.0), nothing_stopped)
    landed.derive(work, [])
    assert served.count(OTHER) == 1
    assert served.index(OTHER) < 2
    assert parts[0] == pytest.approx(0.3, abs=0.05)
    assert parts == sorted(parts)
