"""Reads the sets and checks them against ``manifest.json``.

A folder brought from outside works as well as ours when it has the same layout: ``<split>.jsonl`` with one
case a line (and ``corpus.jsonl`` for retrieval).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from golden_datasets.cases import (
    AnswerCase,
    Case,
    ContradictionCase,
    DocumentCase,
    EvidenceCase,
    ExtractionCase,
    Paragraph,
)
from resources.errors import Invalid, NotFound

ROOT = Path(__file__).parent
SetName = Literal["extraction", "contradiction", "evidence", "documents", "retrieval"]

_Model = TypeVar("_Model", bound=BaseModel)
_MODELS: dict[str, type[Case]] = {
    "extraction": ExtractionCase,
    "contradiction": ContradictionCase,
    "evidence": EvidenceCase,
    "documents": DocumentCase,
    "retrieval": AnswerCase,
}


class Split(BaseModel):
    """How many cases a split has, and how many of them in each language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cases: int
    languages: dict[str, int]


class SetManifest(BaseModel):
    """One set: what it measures, what it is made of, and how well we must do on ``test``.

    ``files`` maps each file, relative to the set's folder, to its SHA-256. ``floors`` maps a metric of the
    suite's report to the least value that passes; every metric named there is better when higher.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    measures: str
    metric: str
    splits: dict[str, Split]
    files: dict[str, str]
    floors: dict[str, float]


class Manifest(BaseModel):
    """The whole of ``manifest.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    sets: dict[SetName, SetManifest]


def manifest() -> Manifest:
    """The manifest that ships with the sets."""
    return Manifest.model_validate_json((ROOT / "manifest.json").read_bytes())


def splits(name: SetName, root: Path | None = None) -> tuple[str, ...]:
    """Names of the splits present in the set's folder, sorted."""
    folder = root or ROOT / name
    return tuple(sorted(path.stem for path in folder.glob("*.jsonl") if path.stem != "corpus"))


def load(name: SetName, split: str, root: Path | None = None) -> list[Case]:
    """The cases of one split, in file order.

    ``root`` is a folder of the same layout in place of ours. Raises ``NotFound`` when the set or split is
    missing and ``Invalid`` when a line does not hold a case, naming the line.
    """
    if name not in get_args(SetName):
        raise NotFound(f"No golden set is called {name!r}.", remedy=f"Sets: {', '.join(get_args(SetName))}.")
    folder = root or ROOT / name
    path = folder / f"{split}.jsonl"
    if not path.is_file():
        found = ", ".join(splits(name, root)) or "none"
        raise NotFound(
            f"The set {name} has no split {split!r} in {folder}.", remedy=f"Splits there: {found}."
        )
    cases = _read(path, _MODELS[name])
    if name == "documents":
        return [case.model_copy(update={"root": folder}) for case in cases]
    return cases


def load_corpus(root: Path | None = None) -> list[Paragraph]:
    """The paragraphs that the retrieval questions are asked of."""
    path = (root or ROOT / "retrieval") / "corpus.jsonl"
    if not path.is_file():
        raise NotFound(f"The retrieval set has no corpus at {path}.", remedy="Add a corpus.jsonl.")
    return _read(path, Paragraph)


def problems() -> list[str]:
    """What does not agree between ``manifest.json`` and the files; empty when all is well."""
    found: list[str] = []
    for name, entry in manifest().sets.items():
        found += [f"{name}: {problem}" for problem in _set_problems(ROOT / name, entry)]
        for split in splits(name):
            counted = count(load(name, split))
            if entry.splits.get(split) != counted:
                found.append(f"{name}/{split}: the manifest says {entry.splits.get(split)}, found {counted}")
    return found


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every data file below ``folder`` (not of code), by relative name, sorted."""
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}
    )
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def count(cases: list[Case]) -> Split:
    """A split's size, by language."""
    languages = [case.lang for case in cases]
    return Split(cases=len(cases), languages={lang: languages.count(lang) for lang in sorted(set(languages))})


def _set_problems(folder: Path, entry: SetManifest) -> list[str]:
    actual = digests(folder)
    names = sorted(actual.keys() | entry.files.keys())
    return [f"{name} differs from its hash" for name in names if actual.get(name) != entry.files.get(name)]


def _read(path: Path, model: type[_Model]) -> list[_Model]:
    cases: list[_Model] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            cases.append(model.model_validate(json.loads(line)))
        except (ValidationError, json.JSONDecodeError) as error:
            raise Invalid(f"{path.name}, line {number}: {error}", remedy="Mend the line.") from error
    return cases
