"""The labelled sentences that the heads are trained on: our own golden cases, and what others published with a licence that allows it.

A label is known or not, kind by kind: a forum sentence marked "no advice" may well hold a claim. What a published
corpus does not tell is left out of that kind's training, not taken for a no.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from golden_datasets import ExtractionCase, load

from .extract import patterns_fired, read
from .features import Grams, grams
from .language import Language
from .model import ObjectKind, TextContext
from .sentence import Sentence
from .sentences import sentences

GOLDEN, GOLDEN_KNOWN = "golden", "golden_known"
_KNOWN_TO_PATTERNS = 50
"""The first cases of each language are those that the patterns were written on: there, patterns look better than they are."""

SOURCES = {
    "advice": {"name": "Advice (EMNLP 2020)", "licence": "MIT", "use": "advice or not"},
    "email_intent": {
        "name": "Email Intent",
        "licence": "Apache-2.0",
        "use": "mail that advises, promises and decides nothing",
    },
    "ami_meetings": {
        "name": "AMI Meeting Corpus",
        "licence": "CC BY 4.0",
        "use": "action items and decisions in speech",
    },
    "contractnli_docs": {
        "name": "ContractNLI",
        "licence": "CC BY 4.0",
        "use": "clauses that are no advice, decision or risk",
    },
    "cuad_docs": {
        "name": "CUAD",
        "licence": "CC BY 4.0",
        "use": "clauses that are no advice, decision or risk",
    },
    "rag_enterprise_docs": {
        "name": "RAG-Multi-Corpus",
        "licence": "MIT",
        "use": "business documents that neither advise nor decide",
    },
    "piaf_fr_paragraphs": {
        "name": "PIAF",
        "licence": "MIT",
        "use": "French prose that neither advises, promises nor warns",
    },
}
"""Attribution, written beside the weights."""

_C, _D, _R, _A, _F = (
    ObjectKind.COMMITMENT,
    ObjectKind.DECISION,
    ObjectKind.RISK,
    ObjectKind.ADVICE,
    ObjectKind.CLAIM,
)


@dataclass(frozen=True, slots=True)
class Example:
    """One sentence: what the heads see of it, what the patterns made of it, and which kinds it is known to be or not.

    ``group`` keeps what must not be parted when a share is held back: a case and its translation, a document.
    """

    source: str
    group: str
    grams: Grams
    fired: frozenset[ObjectKind]
    labels: dict[ObjectKind, bool]


def golden() -> Iterator[Example]:
    """The sentences of the golden training cases; every kind is known."""
    for case in load("extraction", "train"):
        assert isinstance(case, ExtractionCase)
        number = case.id.rpartition("-")[2]
        context = TextContext(
            case.context.author, case.context.recipients, case.context.written_at, case.context.title
        )
        source = GOLDEN_KNOWN if int(number) <= _KNOWN_TO_PATTERNS else GOLDEN
        for s in read(case.text, context):
            labels = dict.fromkeys(ObjectKind, False)
            for item in case.objects:
                start = case.text.index(item.quote)
                if _same(s.start, s.start + len(s.text), start, start + len(item.quote)):
                    labels[ObjectKind(item.kind)] = True
            yield from _example(s, source, number, labels)


def outside(folder: Path) -> Iterator[Example]:
    """The sentences of the published corpora in ``folder``; large ones are thinned by a hash of the place."""
    for row in _rows(folder, "advice"):
        yield from _plain(row["text"], "advice", row["id"], {_A: row["label"] == "advice"})
    for row in _rows(folder, "email_intent"):
        labels = {_A: False} | ({_C: False, _D: False, _R: False} if row["label"] == "no_intent" else {})
        yield from _plain(row["text"], "email_intent", row["id"], labels)
    yield from _meetings(folder)
    for name in ("contractnli_docs", "cuad_docs"):
        for row in _rows(folder, name):
            yield from _thinned(
                row["text"][:60_000], name, row["doc_id"], 8, {_A: False, _D: False, _R: False}, contract=True
            )
    for path in sorted((folder / "rag_enterprise_docs").rglob("*.md")):
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from _thinned(text, "rag_enterprise_docs", path.name, 6, {_A: False, _D: False})
    for row in _rows(folder, "piaf_fr_paragraphs"):
        labels = {_A: False, _C: False, _R: False}
        yield from _thinned(row["text"], "piaf_fr_paragraphs", str(row["paragraph_id"]), 4, labels)


def part(name: str, parts: int) -> int:
    """Which of ``parts`` a name falls in, by its hash."""
    return int.from_bytes(sha256(name.encode()).digest()[:4], "big") % parts


def _meetings(folder: Path) -> Iterator[Example]:
    for meeting in _rows(folder, "ami_meetings"):
        marked = {
            kind: {at for item in meeting["items"] if item["type"] == kind for at in item["evidence"]}
            for kind in ("action", "decision")
        }
        for said in meeting["utterances"]:
            place = f"{meeting['meeting_id']}:{said['i']}"
            action, decision = said["i"] in marked["action"], said["i"] in marked["decision"]
            if action or decision or part(place, 8) == 0:
                labels = {_C: action, _D: decision, _F: False, _R: False}
                yield from _plain(said["text"], "ami_meetings", meeting["meeting_id"], labels)


def _thinned(
    text: str, source: str, group: str, one_in: int, labels: dict[ObjectKind, bool], *, contract: bool = False
) -> Iterator[Example]:
    for start, end in sentences(text):
        if part(f"{group}{start}", one_in) == 0 and end - start < 600:
            yield from _plain(text[start:end], source, group, labels, contract=contract)


def _plain(
    text: str, source: str, group: str, labels: dict[ObjectKind, bool], *, contract: bool = False
) -> Iterator[Example]:
    if text.strip():
        language: Language = "fr" if source.endswith("_fr_paragraphs") else "en"
        s = Sentence(text.strip(), 0, language, "", TextContext(), contract)
        yield from _example(s, source, group, labels)


def _example(s: Sentence, source: str, group: str, labels: dict[ObjectKind, bool]) -> Iterator[Example]:
    """Nothing for a sentence that no head is ever asked about."""
    if not (s.is_question or s.is_boilerplate or s.is_heading):
        fired = patterns_fired(s)
        seen = grams(s, {kind: finding.confidence for kind, finding in fired.items()})
        yield Example(source, group, seen, frozenset(fired), labels)


def _same(start: int, end: int, other_start: int, other_end: int) -> bool:
    shared = min(end, other_end) - max(start, other_start)
    return shared > 0 and shared >= 0.5 * (max(end, other_end) - min(start, other_start))


def _rows(folder: Path, name: str) -> list[dict[str, Any]]:
    lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]
