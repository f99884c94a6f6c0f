"""Cursors across a deploy: what a released version wrote is read on from, what nobody can read is begun anew.

``golden_cursors.json`` holds cursors as released versions wrote them. It only grows: a version that writes another
shape adds its own, and goes on reading the ones before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drovi_assets.connectors.contract import Connector, Stream, Window
from drovi_assets.connectors.sources import documents
from drovi_assets.connectors.sources.postgres import connector as postgres_connector
from resources.embedded_postgres import EmbeddedPostgres
from resources.errors import CursorRejected
from tests.contract.connectors.test_documents import Folder
from tests.contract.connectors.test_postgres import Tables

GOLDEN: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("golden_cursors.json").read_text(encoding="utf-8")
)
CASES = [(name, case) for name, cases in GOLDEN.items() for case in cases]
DAMAGED: list[tuple[str, dict[str, Any]]] = [
    ("documents", {"changed_ns": "yesterday"}),
    ("documents", {"changed_ns": None, "path": 7}),
    ("documents", {"before": "a/b.txt"}),
    ("documents", {"before": [1]}),
    ("documents", {"root": "/mnt"}),
    ("postgres", {"at": "2024-01-01", "key": None}),
    ("postgres", {"at": None}),
    ("postgres", {"at": 10**30, "key": "1"}),
    ("postgres", {"at": 1704067200000000, "key": 7}),
    ("postgres", {"at": 1704067200000000, "key": "seven"}),
    ("postgres", {"types": ["id"]}),
    ("postgres", {"at": 0, "key": "1", "types": {"code": "text"}}),
]


@pytest.fixture
def connectors(
    postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Connector]]:
    monkeypatch.setattr(documents, "PAGE_FILES", 3)
    monkeypatch.setattr(documents, "SETTLED_NS", 0)
    monkeypatch.setattr(postgres_connector, "PAGE_ROWS", 3)
    tables = Tables(postgres)
    made: dict[str, Connector] = {
        "documents": Folder(tmp_path / "folder").connector(),
        "postgres": tables.connector(),
    }
    yield made
    for one in made.values():
        one.close()
    tables.close()


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_released_version_s_cursor_is_read_on_from(
    connectors: dict[str, Connector], name: str, case: dict[str, Any]
) -> None:
    """As the database gives it back, and with a field that only a later version knows."""
    connector = connectors[name]
    stream = _stream(connector, case.get("stream"))
    windows = list(connector.windows(stream)) if case["scope"] == "window" else [None]
    for cursor in (case["cursor"], {**case["cursor"], "of_a_later_version": {"a": 1}}):
        for window in windows:
            assert list(connector.read(stream, cursor, window))[-1].complete


def test_the_golden_cursors_are_what_is_written(connectors: dict[str, Connector]) -> None:
    """Each shape that this version writes, by its fields, is among them."""
    for name, connector in connectors.items():
        for stream in connector.streams():
            written = {("live", frozenset(connector.start(stream)))}
            windows: list[Window | None] = [None, *connector.windows(stream)]
            for window in windows:
                scope = "window" if window else "live"
                written |= {(scope, frozenset(page.cursor)) for page in connector.read(stream, {}, window)}
            known = {
                (case["scope"], frozenset(case["cursor"]))
                for case in GOLDEN[name]
                if case.get("stream", stream.name) == stream.name
            }
            assert written <= known


@pytest.mark.parametrize(("name", "cursor"), DAMAGED)
def test_a_cursor_that_nobody_can_read_is_begun_anew(
    connectors: dict[str, Connector], name: str, cursor: dict[str, Any]
) -> None:
    """Rejected, live and in a window, and never a crash."""
    connector = connectors[name]
    stream = connector.streams()[0]
    for window in (None, connector.windows(stream)[0]):
        with pytest.raises(CursorRejected):
            list(connector.read(stream, cursor, window))


def _stream(connector: Connector, name: str | None) -> Stream:
    return next(stream for stream in connector.streams() if stream.name == (name or stream.name))
