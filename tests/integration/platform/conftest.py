"""A platform for the whole session, in a folder and on ports of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.settings import Settings
from tests.platforms import Up


@pytest.fixture(scope="session")
def up() -> Iterator[Up]:
    """A platform that is ready; each test leaves one behind that is."""
    with tempfile.TemporaryDirectory(prefix="drovi-up-") as folder:
        Path(folder).chmod(0o755)
        (home := Path(folder) / "home").mkdir()
        platform = Up(home)
        platform.start()
        try:
            yield platform
        finally:
            platform.stop()


@pytest.fixture
def settings(up: Up) -> Settings:
    return Settings(home=up.home, api_port=up.api, dagster_port=up.dagster, code_server_port=up.code_server)
