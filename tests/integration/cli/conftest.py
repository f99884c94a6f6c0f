"""``drovi`` commands over a database of the test's own, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from drovi.cli import audit, dlq, events, keys, sources, switches
from drovi.cli.main import app
from drovi.environment import Environment
from resources.events.postgres import PostgresEventLog
from resources.object_store import FolderStore
from resources.settings import Settings
from tests.conftest import Database, Tenant


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    text: str

    @property
    def data(self) -> Any:
        return json.loads(self.text)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def environment(database: Database, tenant: Tenant, settings: Settings) -> Environment:
    runtime = SimpleNamespace(
        database=database.worker, objects=FolderStore(settings.home / "objects"), events=PostgresEventLog()
    )
    return Environment(settings, database.urls, runtime, database.app, database.identity)


@pytest.fixture
def drovi(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Run a command."""
    for module in (audit, keys, events, dlq, sources, switches):
        monkeypatch.setattr(module, "open_environment", lambda: nullcontext(environment))

    def run(*arguments: str) -> Said:
        result = CliRunner().invoke(app, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Said(result.exit_code, result.output)

    return run
