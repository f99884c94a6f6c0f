"""The fake that the runner is tested with keeps the contract too, or those tests would prove nothing."""

from __future__ import annotations

import pytest

from drovi_assets.connectors.contract import Connector
from tests.contract.connectors.suite import ConnectorContract
from tests.fakes.hostile_source import HostileSource


class Things(HostileSource):
    """Nine things, three to a page."""

    def connector(self) -> Connector:
        return self.spec().connect({}, {})

    def add(self) -> str:
        self.put("new", "1")
        return "new"

    def edit(self) -> str:
        self.put("thing-3", "edited")
        return "thing-3"

    def remove(self, provider_id: str = "thing-4") -> str:
        super().remove(provider_id)
        return provider_id


class TestHostile(ConnectorContract):
    @pytest.fixture
    def source(self) -> Things:
        things = Things(page=3)
        for number in range(9):
            things.put(f"thing-{number}", str(number))
        return things


class TestHostileThatLists(ConnectorContract):
    @pytest.fixture
    def source(self) -> Things:
        things = Things(page=3, lists=True)
        for number in range(9):
            things.put(f"thing-{number}", str(number))
        return things
