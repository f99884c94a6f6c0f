"""Lines of data sets made elsewhere: where they are looked for, and how many of them are read."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

from resources.errors import NotConfigured

Row = dict[str, Any]

DEFAULT_FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"

MOST_CASES = 600
"""A set is thinned evenly to this many cases: enough for two figures, and minutes instead of hours."""


def rows(dataset: Path | None, name: str) -> list[Row]:
    """The lines of ``<name>.jsonl``; ``NotConfigured`` names the folder where they were looked for."""
    folder = dataset or DEFAULT_FOLDER
    path = folder / f"{name}.jsonl"
    if not path.is_file():
        raise NotConfigured(
            f"{name}.jsonl is not in {folder}.",
            remedy="Name the folder that holds the outside data with --dataset.",
        )
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def thinned(cases: list[Row]) -> list[Row]:
    """Every n-th row, so that at most ``MOST_CASES`` are left and the same ones each time."""
    step = -(-len(cases) // MOST_CASES) or 1
    return list(islice(cases, 0, None, step))
