"""How well a sentence of a passage answers a question, as numbers a linear head can weigh.

All of it is relative to the question (shares of its weight, yes or no, cosines), so the head that reads it carries
nothing of the texts it was fitted on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Protocol

from drovi_assets.intelligence.language import language as language_of
from drovi_assets.intelligence.sentences import sentences
from drovi_assets.retrieval.analysis import QueryTerm, fold, query_terms, tokens
from drovi_assets.retrieval.question import Expected, expected_answer, holds
from drovi_assets.retrieval.statement import is_statement

NAMES = (
    "sentence_coverage",
    "context_coverage",
    "passage_coverage",
    "heaviest_missing",
    "heaviest_missing_in_sentence",
    "names_missing",
    "kind_present",
    "kind_absent",
    "proximity",
    "new_words",
    "brief",
    "long",
    "negation_differs",
    "reciprocal_rank",
    "passage_strength",
    "title_coverage",
    "passage_similarity",
    "french_similarity",
    "french",
    "query_weight",
    "yes_no",
    "asks_kind",
)
"""The features, in the order of the head's weights."""

_NEGATION = re.compile(
    r"\b(?:not|no|never|neither|nor|without|cannot|n't|ne|n'|pas|jamais|aucun|aucune|sans|ni)\b|n['’]t\b"
)
_NAME = re.compile(r"(?<!^)\b(?:[A-ZÀ-Ý][\w’'-]*|\w*\d[\w./-]*)")
_USUAL_SIMILARITY = 0.5
"""Taken where nobody measured it: the mean over the passages that search finds."""

_NEAR = 60
"""Characters within which two words of the question count as standing together."""


class Passage(Protocol):
    """A text to read for an answer, under the title of what it comes from; ``id`` is the caller's own."""

    @property
    def id(self) -> str:
        """Given back with what is chosen."""
        ...

    @property
    def text(self) -> str:
        """What is read."""
        ...

    @property
    def title(self) -> str:
        """The document's name, "" for none."""
        ...


@dataclass(frozen=True, slots=True)
class Readable:
    """A passage that search found, with what search knows of it; ``similarity`` is its cosine to the question."""

    id: str
    text: str
    title: str = ""
    section: str = ""
    language: str = ""
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A question and how much each of its words tells, in the order of ``terms``."""

    text: str
    terms: tuple[QueryTerm, ...]
    weights: tuple[float, ...]
    expected: Expected
    names: frozenset[int]

    @property
    def total(self) -> float:
        """The weight of all words, never 0."""
        return sum(self.weights) or 1.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may answer: ``passage.text[start:end]``; ``features`` has every name of ``NAMES``."""

    passage: int
    start: int
    end: int
    features: dict[str, float]


def readable(passage: Passage) -> Readable:
    """The passage with what reading needs to know of it."""
    if isinstance(passage, Readable):
        return passage
    return Readable(passage.id, passage.text, passage.title, language=language_of(passage.text))


def read_question(text: str, weights: Sequence[float] | None, passages: Sequence[Readable]) -> Question:
    """Analyse a question; ``weights`` as in ``select_answer``."""
    terms = tuple(query_terms(text))
    named = {fold(name) for name in _NAME.findall(text)}
    names = frozenset(index for index, term in enumerate(terms) if fold(term.word) in named)
    told = tuple(weights) if weights is not None else _estimated_weights(terms, passages)
    if len(told) != len(terms):
        raise ValueError(f"{len(told)} weights for {len(terms)} words")
    return Question(text, terms, told, expected_answer(text), names)


def _estimated_weights(terms: Sequence[QueryTerm], passages: Sequence[Readable]) -> tuple[float, ...]:
    """BM25's idf, counted in the passages alone."""
    holding = Counter(
        index for passage in passages for index in _positions(terms, passage.text, passage.language)
    )
    return tuple(
        log(1 + (len(passages) - holding[index] + 0.5) / (holding[index] + 0.5))
        for index in range(len(terms))
    )


def candidates(question: Question, passages: Sequence[Readable]) -> list[Candidate]:
    """Every statement of every passage with its features, in reading order."""
    found: list[Candidate] = []
    for rank, passage in enumerate(passages):
        of_passage, sentences_of_passage = _read(question, passage)
        of_passage["reciprocal_rank"] = 1 / (1 + rank)
        found += [
            Candidate(rank, start, end, features | of_passage)
            for start, end, features in sentences_of_passage
        ]
    return found


def _read(
    question: Question, passage: Readable
) -> tuple[dict[str, float], list[tuple[int, int, dict[str, float]]]]:
    """The features of a passage, and each of its sentences with those of its own."""
    title = _positions(question.terms, f"{passage.title}\n{passage.section}", passage.language)
    spans = sentences(passage.text)
    matched = [_positions(question.terms, passage.text[s.start : s.end], passage.language) for s in spans]
    counts = Counter({index: 2 * len(places) for index, places in title.items()})
    for one in matched:
        counts.update({index: len(places) for index, places in one.items()})
    everywhere = set(counts)
    french = float(passage.language == "fr")
    similarity = _USUAL_SIMILARITY if passage.similarity is None else passage.similarity
    of_passage = {
        "passage_coverage": _share(question, everywhere),
        "passage_strength": _strength(question, counts),
        "title_coverage": _share(question, set(title)),
        "heaviest_missing": _heaviest_missing(question, everywhere),
        "names_missing": _names_missing(question, everywhere),
        "passage_similarity": similarity,
        "french_similarity": similarity * french,
        "french": french,
        "query_weight": log(1 + len(question.terms)),
        "yes_no": float(question.expected is Expected.YES_NO),
    }
    of_sentences = []
    for index, span in enumerate(spans):
        sentence = passage.text[span.start : span.end]
        if not is_statement(sentence, passage.title, passage.section):
            continue
        features = _features(question, sentence, matched[index])
        nearby = set(matched[index]) | set(title) | set(matched[index - 1] if index else ())
        features["context_coverage"] = _share(question, nearby)
        of_sentences.append((span.start, span.end, features))
    return of_passage, of_sentences


def _features(question: Question, sentence: str, matched: dict[int, list[int]]) -> dict[str, float]:
    kind = holds(question.expected, sentence, question.text)
    words = len(sentence.split())
    return {
        "sentence_coverage": _share(question, set(matched)),
        "heaviest_missing_in_sentence": _heaviest_missing(question, set(matched)),
        "kind_present": float(kind is True),
        "kind_absent": float(kind is False),
        "asks_kind": float(kind is not None),
        "proximity": _proximity(question, matched),
        "new_words": min(1.0, max(0, words - len(matched)) / 12),
        "brief": float(words < 4),
        "long": float(words > 40),
        "negation_differs": float(_negated(sentence) != _negated(question.text)),
    }


def _positions(terms: Sequence[QueryTerm], text: str, language: str) -> dict[int, list[int]]:
    """Where each word of the question stands in ``text``; words that do not are left out."""
    of_form = {form: index for index, term in enumerate(terms) for form in term.forms}
    found: dict[int, list[int]] = {}
    for token in tokens(text, language):
        for form in token.forms:
            if (index := of_form.get(form)) is not None:
                found.setdefault(index, []).append(token.start)
                break
    return found


def _share(question: Question, found: set[int]) -> float:
    return sum(question.weights[index] for index in found) / question.total


def _strength(question: Question, counts: Counter[int]) -> float:
    """BM25 without lengths, as a share of its highest: a second mention says more than a tenth."""
    return sum(question.weights[index] * n / (n + 1.2) for index, n in counts.items()) / question.total


def _heaviest_missing(question: Question, found: set[int]) -> float:
    """The most telling word that is missing, against the most telling of all: 1 where that very word is."""
    missing = [weight for index, weight in enumerate(question.weights) if index not in found]
    return max(missing, default=0.0) / (max(question.weights, default=0.0) or 1.0)


def _names_missing(question: Question, found: set[int]) -> float:
    """The share of the question's names and figures that the passage never mentions."""
    return len(question.names - found) / len(question.names) if question.names else 0.0


def _proximity(question: Question, matched: dict[int, list[int]]) -> float:
    """The share of neighbouring words of the question that stand together in the sentence as well."""
    pairs = len(question.terms) - 1
    if pairs < 1:
        return 0.0
    near = sum(
        any(abs(a - b) <= _NEAR for a in matched[index] for b in matched[index + 1])
        for index in range(pairs)
        if index in matched and index + 1 in matched
    )
    return near / pairs


def _negated(text: str) -> bool:
    return bool(_NEGATION.search(text.lower()))
