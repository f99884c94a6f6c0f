"""From a question to an answer made of the sources' own sentences, or a refusal.

Nothing is written here: an answer is a choice of sentences. Whether the best of them answers at all is judged by a
small linear head over :mod:`reading`'s features; below its threshold the answer is that there is no evidence.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from math import exp
from uuid import UUID

from sqlalchemy import Connection, text

from drovi_assets.intelligence.language import language as language_of
from drovi_assets.retrieval.cite import Citation, Cited, cite
from drovi_assets.retrieval.reading import (
    Candidate,
    Passage,
    Readable,
    candidates,
    read_question,
    readable,
)
from drovi_assets.retrieval.search import NO_FILTERS, Filters, Hit, Query, prepare, run
from resources.embedder import TextEmbedder

PASSAGES = 8
"""Passages read for an answer: the ninth held the answer to one question in a hundred."""

_MOST_SENTENCES = 3
_NO_EVIDENCE = {"fr": "Je ne trouve pas de preuve à ce sujet.", "en": "I can't find evidence for this."}


@dataclass(frozen=True, slots=True)
class Head:
    """Weights by feature name, the intercept, and the probability from which we answer.

    ``companion`` is how likely a further sentence must be, against the best, to be quoted beside it.
    """

    weights: dict[str, float]
    bias: float
    threshold: float
    companion: float

    def probability(self, features: dict[str, float]) -> float:
        """How likely a sentence with these features answers."""
        logit = self.bias + sum(weight * features[name] for name, weight in self.weights.items())
        return 1 / (1 + exp(-max(-30.0, min(30.0, logit))))


@dataclass(frozen=True, slots=True)
class Selected:
    """A sentence that was chosen: ``text == passage.text[start:end]`` of the passage with that id."""

    passage: str
    start: int
    end: int
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What was chosen; no citation is a refusal. ``confidence`` is the best sentence's, enough or not."""

    citations: tuple[Selected, ...]
    confidence: float

    @property
    def refused(self) -> bool:
        """Whether nothing answers well enough."""
        return not self.citations

    @property
    def text(self) -> str:
        """The sentences, in the order they are to be read; "" for a refusal."""
        return " ".join(selected.text for selected in self.citations)


@dataclass(frozen=True, slots=True)
class AskResult:
    """The stable shape of an answer. ``searched`` counts the passages weighed; ``latency_ms`` is wall time."""

    answer: str
    refused: bool
    citations: tuple[Citation, ...]
    searched: int
    latency_ms: float


@lru_cache(maxsize=1)
def shipped_head() -> Head:
    """The head that Drovi ships; its file names the data it was fitted on, their licences and authors."""
    file = resources.files("drovi_assets.retrieval") / "weights" / "answer.json"
    facts = json.loads(file.read_text(encoding="utf-8"))
    return Head(facts["weights"], facts["bias"], facts["threshold"], facts["companion"])


def select_answer(
    question: str,
    passages: Sequence[Passage],
    *,
    weights: Sequence[float] | None = None,
    head: Head | None = None,
) -> Answer:
    """The sentences of ``passages`` (best first) that answer ``question``, or a refusal.

    ``weights`` say how much each word of the question tells, in the order of ``query_terms(question)``; without them
    they are estimated from the passages.
    """
    head = head or shipped_head()
    texts = [readable(passage) for passage in passages]
    asked = read_question(question, weights, texts)
    if not asked.terms:
        return Answer((), 0.0)  # "What is it?" asks about nothing that could be looked up
    judged = sorted(
        ((head.probability(candidate.features), candidate) for candidate in candidates(asked, texts)),
        key=lambda pair: (-pair[0], pair[1].passage, pair[1].start),
    )
    confidence = judged[0][0] if judged else 0.0
    if confidence < head.threshold:
        return Answer((), confidence)
    enough = max(head.threshold, confidence * head.companion)
    chosen = [pair for pair in judged[:_MOST_SENTENCES] if pair[0] >= enough]
    return Answer(_in_reading_order(chosen, texts), confidence)


def ask(
    connection: Connection,
    org_id: UUID,
    question: str,
    *,
    embedder: TextEmbedder,
    filters: Filters = NO_FILTERS,
) -> AskResult:
    """Search, read and answer, in an application transaction: only what the caller may read is read.

    Every quote is ``document.text[start:end]``; the answer's text is those quotes and nothing else.
    """
    started = time.perf_counter()
    query = prepare(org_id, question, embedder)
    hits = run(connection, query, limit=PASSAGES, filters=filters)
    passages = [_passage(hit) for hit in hits]
    answer = select_answer(question, passages, weights=_weights(connection, query))
    chunks = {str(hit.chunk_id): hit for hit in hits}
    citations = cite(connection, [_cited(chunks[one.passage], one) for one in answer.citations])
    return AskResult(
        answer=answer.text or _NO_EVIDENCE[language_of(question) or "en"],
        refused=answer.refused,
        citations=tuple(citations),
        searched=len(hits),
        latency_ms=round((time.perf_counter() - started) * 1000, 1),
    )


def _passage(hit: Hit) -> Readable:
    return Readable(
        id=str(hit.chunk_id),
        text=hit.text,
        title=hit.title,
        section=hit.section,
        language=hit.language,
        similarity=hit.similarity,
    )


def _cited(hit: Hit, selected: Selected) -> Cited:
    start = hit.start + selected.start
    return Cited(hit.chunk_id, hit.document_id, hit.path, start, start + len(selected.text), selected.text)


def _weights(connection: Connection, query: Query) -> list[float]:
    rows = connection.execute(
        text(
            "SELECT idf FROM search_weights(CAST(:terms AS integer[]), CAST(:words AS integer[])) ORDER BY word"
        ),
        {"terms": list(query.hashes), "words": list(query.words)},
    )
    return [row.idf for row in rows]


def _in_reading_order(
    chosen: Sequence[tuple[float, Candidate]], passages: Sequence[Readable]
) -> tuple[Selected, ...]:
    """Passages in the order of their best sentence, the sentences of one passage as they stand there."""
    first_seen: dict[int, int] = {}
    for place, (_, candidate) in enumerate(chosen):
        first_seen.setdefault(candidate.passage, place)
    ordered = sorted(chosen, key=lambda pair: (first_seen[pair[1].passage], pair[1].start))
    return tuple(_selected(passages[c.passage], c, confidence) for confidence, c in ordered)


def _selected(passage: Readable, candidate: Candidate, confidence: float) -> Selected:
    words = passage.text[candidate.start : candidate.end]
    return Selected(passage.id, candidate.start, candidate.end, words, confidence)
