"""The documents connector keeps the contract."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drovi_assets.connectors.sources import documents
from drovi_assets.connectors.sources.documents import Documents, DocumentsConfig
from tests.contract.connectors.suite import ConnectorContract


class Folder:
    """Seven files over several years, three to a page."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for number in range(7):
            path = root / f"dossier {number % 2}" / f"pièce-{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"content {number}")
            os.utime(path, (1_400_000_000 + number * 60_000_000,) * 2)

    def connector(self) -> Documents:
        return Documents(DocumentsConfig(path=self.root), {})

    def add(self) -> str:
        (self.root / "new.txt").write_text("new")
        return "new.txt"

    def edit(self) -> str:
        (self.root / "dossier 1" / "pièce-1.txt").write_text("edited")
        return "dossier 1/pièce-1.txt"

    def remove(self) -> str:
        (self.root / "dossier 0" / "pièce-2.txt").unlink()
        return "dossier 0/pièce-2.txt"


class TestDocuments(ConnectorContract):
    @pytest.fixture
    def source(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
        monkeypatch.setattr(documents, "PAGE_FILES", 3)
        monkeypatch.setattr(documents, "SETTLED_NS", 0)
        return Folder(tmp_path / "folder")
