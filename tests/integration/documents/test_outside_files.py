"""Files that nobody on this project wrote, where they are at hand."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from drovi_assets.documents.chunks import chunk
from drovi_assets.documents.model import ParsedDocument
from drovi_assets.documents.sandbox import Sandbox
from resources.errors import DroviError, Invalid

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not DATA.exists(), reason="the outside evaluation data is not on this machine"
)

Outcomes = dict[Path, ParsedDocument | DroviError]


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Outcomes]:
    files = [
        path for path in sorted((DATA / "docs").rglob("*.*")) if path.is_file() and ".truth." not in path.name
    ]
    with Sandbox() as sandbox:
        yield dict(sandbox.parse_many((path, path, path.name) for path in files))


def test_every_file_is_accounted_for(outcomes: Outcomes) -> None:
    """Parsed, or refused with what to do about it; most of them parsed."""
    refused = {path: outcome for path, outcome in outcomes.items() if isinstance(outcome, DroviError)}
    assert all(isinstance(error, Invalid) and error.remedy for error in refused.values())
    assert not [path for path, error in refused.items() if "damaged" in str(error) or "crashed" in str(error)]
    assert len(refused) < len(outcomes) / 4


def test_chunks_slice_their_documents(outcomes: Outcomes) -> None:
    """Exactly, and every word's range is inside its block."""
    for outcome in outcomes.values():
        if isinstance(outcome, ParsedDocument):
            text = outcome.text
            assert all(text[item.start : item.end] == item.text for item in chunk(outcome))
            assert all(word.end <= len(block.text) for block in outcome.blocks for word in block.words)


def test_contracts_lose_no_words(outcomes: Outcomes) -> None:
    """Against the text published with each contract, by words, whatever the line breaks."""
    rows = [json.loads(line) for line in (DATA / "docs_manifest.jsonl").read_text().splitlines()]
    for row in rows:
        outcome = outcomes.get(DATA / row["file"])
        if row["truth_kind"] != "text_published_with_pdf" or not isinstance(outcome, ParsedDocument):
            continue
        truth = Counter(re.findall(r"\w+", (DATA / row["truth"]).read_text().lower()))
        found = Counter(re.findall(r"\w+", outcome.text.lower()))
        assert (truth & found).total() >= 0.99 * truth.total(), row["file"]
