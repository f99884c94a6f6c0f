"""Writes every file of the documents set, its truth beside it, and the cases of each split."""

from __future__ import annotations

import json
from pathlib import Path

from golden_datasets.cases import DocumentTruth
from golden_datasets.documents import texts

FOLDER = Path(__file__).parent


def build(folder: Path = FOLDER) -> None:
    """Write ``files/``, ``test.jsonl`` and ``held_out.jsonl`` below ``folder``."""
    (folder / "files").mkdir(parents=True, exist_ok=True)
    for split, makers in (("test", texts.TEST), ("held_out", texts.HELD_OUT)):
        lines = []
        for number, (name, lang, traps, make) in enumerate(makers, start=1):
            content, truth = make()
            (folder / "files" / name).write_bytes(content)
            (folder / "files" / f"{name}.truth.json").write_text(_dump(truth), encoding="utf-8")
            case = {
                "id": f"doc-{split}-{number:02d}",
                "lang": lang,
                "file": f"files/{name}",
                "truth": f"files/{name}.truth.json",
                "traps": traps,
            }
            lines.append(json.dumps(case, ensure_ascii=False))
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _dump(truth: DocumentTruth) -> str:
    """A block or a word a line: a changed truth shows in a diff where it changed."""
    data = truth.model_dump(mode="json", exclude_defaults=True)
    for key in ("blocks", "words_with_boxes"):
        if key in data:
            rows = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in data[key])
            data[key] = f"@{key}@"
            data[f"_{key}"] = rows
    rows_of = {key[1:]: data.pop(key) for key in list(data) if key.startswith("_")}
    text = json.dumps(data, ensure_ascii=False, indent=1)
    for key, rows in rows_of.items():
        text = text.replace(f'"@{key}@"', f"[\n{rows}\n ]")
    return text + "\n"


if __name__ == "__main__":
    build()
