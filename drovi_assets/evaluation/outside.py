"""Adapters for labelled data sets made by others, each mapped to one of our suites.

The data is not part of the project: a folder is given, or stands at ``../shared/data`` beside the repository.
Where it is absent the suite says so and measures nothing. Labels that our kinds do not draw apart are merged,
as each adapter's ``measures`` tells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from drovi_assets.evaluation import answers, contradiction, meetings
from drovi_assets.evaluation.metrics import label_counts, mean
from drovi_assets.evaluation.report import Recorder, Report
from drovi_assets.evaluation.rows import Row, rows, thinned
from drovi_assets.evaluation.subjects import Extractor, Passage
from drovi_assets.intelligence.model import ObjectKind, TextContext

Shape = Literal["sentences", "pairs", "questions", "links"]


@dataclass(frozen=True, slots=True)
class Adapter:
    """A data set: what it measures of ours, the shape it maps to, and how it runs."""

    measures: str
    shape: Shape
    measure: Callable[[Any, str, Path | None], Report]


def _sentences(
    name: str, sought: tuple[str, frozenset[ObjectKind]], subject: Extractor, split: str, dataset: Path | None
) -> Report:
    """``sought``: the positive label, and the kinds of object that a sentence of that label should hold."""
    positive, kinds = sought
    recorder = Recorder(f"outside/{name}", split)
    truth: list[bool] = []
    found: list[bool] = []
    cases = thinned(rows(dataset, name))
    for row in cases:
        objects = recorder.timed(partial(subject, row["text"], context=TextContext()))
        truth.append(row["label"] == positive)
        found.append(any(item.kind in kinds for item in objects))
        if truth[-1] != found[-1]:
            recorder.mistake(
                row["id"], f"{row['label']}: {row['text']}", [item.kind.value for item in objects]
            )
    metrics = label_counts(truth, found, label=True).named(positive)
    metrics["accuracy"] = mean(float(a == b) for a, b in zip(truth, found, strict=True))
    return recorder.report(len(cases), metrics, Counter(row["label"] for row in cases))


def _pairs(
    name: str, columns: tuple[str, str, str], subject: Any, split: str, dataset: Path | None
) -> Report:
    """``columns``: where the two statements stand, and the label that means contradiction."""
    one, other, positive = columns
    pairs = [
        contradiction.Pair(
            id=row["id"],
            lang=row.get("lang", "en"),
            a=row[one],
            b=row[other],
            label=contradiction.CONTRADICTION if row["label"] == positive else contradiction.OTHER,
        )
        for row in thinned(rows(dataset, name))
    ]
    return contradiction.evaluate(pairs, subject, suite=f"outside/{name}", split=split)


def _contract_pairs(subject: Any, split: str, dataset: Path | None) -> Report:
    """Each hypothesis against the clauses that the annotators hold to settle it, for or against."""
    texts = {row["doc_id"]: row["text"] for row in rows(dataset, "contractnli_docs")}
    settled = [row for row in rows(dataset, "contractnli") if row["evidence_spans"]]
    pairs = [
        contradiction.Pair(
            id=row["id"],
            lang="en",
            a=" ".join(texts[row["doc_id"]][start:end] for start, end in row["evidence_spans"]),
            b=row["hypothesis"],
            label=contradiction.CONTRADICTION if row["label"] == "contradiction" else contradiction.OTHER,
        )
        for row in thinned(settled)
    ]
    return contradiction.evaluate(pairs, subject, suite="outside/contractnli", split=split)


def _questions(name: str, lang: str, subject: Any, split: str, dataset: Path | None) -> Report:
    passages = [
        Passage(row["paragraph_id"], row["text"], row["title"]) for row in rows(dataset, f"{name}_paragraphs")
    ]
    questions = [
        answers.Question(
            id=row["id"],
            lang=lang,
            text=row["question"],
            passage=row["paragraph_id"],
            answers=() if row.get("is_impossible") else tuple(answer["text"] for answer in row["answers"]),
        )
        for row in thinned(rows(dataset, name))
    ]
    return answers.evaluate(questions, {lang: passages}, subject, suite=f"outside/{name}", split=split)


def _links(subject: Any, split: str, dataset: Path | None) -> Report:
    links = [
        answers.Link(
            id=row["id"],
            lang="en",
            statement=row["claim"],
            document=tuple(row["evidence_sentences"]),
            spans=tuple(_first_set(row)),
        )
        for row in thinned(rows(dataset, "wice"))
    ]
    return answers.evaluate_links(links, subject, suite="outside/wice", split=split)


def _first_set(row: Row) -> Iterator[tuple[int, int, int]]:
    """The first of the annotators' sets of supporting sentences; none where the claim is not supported."""
    if row["label"] == "not_supported" or not row["supporting_sentence_sets"]:
        return
    for at in row["supporting_sentence_sets"][0]:
        yield at, 0, len(row["evidence_sentences"][at])


_INTENT = frozenset({ObjectKind.COMMITMENT, ObjectKind.DECISION, ObjectKind.ADVICE})

ADAPTERS: dict[str, Adapter] = {
    "outside/advice": Adapter(
        "advice sentences of forum replies (English); the shipped advice head learned from this corpus, so only rows it never saw give a clean figure",
        "sentences",
        partial(_sentences, "advice", ("advice", frozenset({ObjectKind.ADVICE}))),
    ),
    "outside/email_intent": Adapter(
        "mail sentences that request, propose or commit (English); requests and proposals are not kinds of ours, so recall is bounded",
        "sentences",
        partial(_sentences, "email_intent", ("intent", _INTENT)),
    ),
    "outside/daccord_fr": Adapter(
        "contradictions between French news sentences",
        "pairs",
        partial(_pairs, "daccord_fr", ("text_a", "text_b", "contradiction")),
    ),
    "outside/rte3_fr": Adapter(
        "contradictions between a French passage and a hypothesis",
        "pairs",
        partial(_pairs, "rte3_fr", ("premise", "hypothesis", "contradiction")),
    ),
    "outside/prosecco": Adapter(
        "self-contradictions in spoken English debate",
        "pairs",
        partial(_pairs, "prosecco", ("proposition_1", "proposition_2", "self-contradiction")),
    ),
    "outside/contractnli": Adapter(
        "contradictions between clauses of an agreement and a hypothesis (English)", "pairs", _contract_pairs
    ),
    "outside/ami_meetings": Adapter(
        "action items and decisions of meetings (English, spoken)", "sentences", meetings.measure
    ),
    "outside/squad2": Adapter(
        "answers and refusals (English)", "questions", partial(_questions, "squad2", "en")
    ),
    "outside/piaf_fr": Adapter("answers (French)", "questions", partial(_questions, "piaf_fr", "fr")),
    "outside/wice": Adapter("which sentences of a page support a claim (English)", "links", _links),
}
