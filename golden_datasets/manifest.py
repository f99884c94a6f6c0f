"""Rewrites hashes and counts in ``manifest.json`` after cases were edited; floors stay as they are.

Run with ``python -m golden_datasets.manifest``. Raising or lowering a floor is a decision, made by hand.
"""

from __future__ import annotations

import json

from golden_datasets.load import ROOT, SetManifest, count, digests, load, manifest, splits


def refreshed() -> dict[str, object]:
    """The manifest as it should read for the files as they are."""
    current = manifest()
    sets: dict[str, object] = {}
    for name, entry in current.sets.items():
        fresh = SetManifest(
            measures=entry.measures,
            metric=entry.metric,
            splits={split: count(load(name, split)) for split in splits(name)},
            files=digests(ROOT / name),
            floors=entry.floors,
        )
        sets[name] = fresh.model_dump()
    return {"version": current.version, "sets": sets}


if __name__ == "__main__":
    text = json.dumps(refreshed(), indent=2, ensure_ascii=False)
    (ROOT / "manifest.json").write_text(text + "\n", encoding="utf-8")
