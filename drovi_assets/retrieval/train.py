"""Fits the head that judges answers: ``python -m drovi_assets.retrieval.train --data DIR``.

``DIR`` holds ``squad2`` (SQuAD 2.0, CC BY-SA 4.0) and ``piaf_fr`` (PIAF, MIT), questions and the paragraphs that answer
them or not, and ``rag_enterprise`` (RAG-Multi-Corpus, MIT), questions to the files of three firms. Without the last,
the head refused three of five answerable questions about business documents: encyclopaedia paragraphs are denser.

Every question is put to all of its collection, ranked as search ranks it; a sentence is a positive where an answer
stands in it, or where most of it is in the fact that a firm's question rests on. Only SQuAD has unanswerable questions,
so elsewhere the right paragraph or file is withheld from a third of them: what is left looks like an answer.

The figures it prints, and notes beside the weights, are of a head fitted on one half of the paragraphs and files, by a
hash of their name, and measured on the other; the weights it writes are fitted on both. They hold none of the text.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from drovi_assets.documents.chunks import chunk
from drovi_assets.documents.parse import parse
from drovi_assets.intelligence.language import language
from drovi_assets.retrieval.analysis import QueryTerm, analyse, query_terms
from drovi_assets.retrieval.answer import PASSAGES
from drovi_assets.retrieval.index import CONTEXT_WEIGHT
from drovi_assets.retrieval.reading import NAMES, Readable, candidates, read_question
from drovi_assets.retrieval.search import COVERAGE_WEIGHT, SIMILARITY_WEIGHT
from resources.embedder import TextEmbedder

THRESHOLD = 0.15
"""Where the shares of answers given wrongly and withheld wrongly cost about the same to a reader."""

COMPANION = 0.8
_WITHHELD = 3
_FEWEST_WORDS = 3
_SHARED = 0.55
_SOURCES = [
    {"file": "squad2", "name": "SQuAD 2.0 (Rajpurkar, Jia and Liang, 2018)", "licence": "CC BY-SA 4.0"},
    {"file": "piaf_fr", "name": "PIAF (Keraron et al., 2020)", "licence": "MIT"},
    {"file": "rag_enterprise", "name": "RAG-Multi-Corpus", "licence": "MIT"},
]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """A question's candidate sentences: a row of features each, and whether it holds the answer."""

    source: str
    half: int
    answerable: bool
    features: Floats
    labels: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted head."""

    weights: Floats
    bias: float

    def probabilities(self, example: Example) -> Floats:
        """Of each sentence of the example."""
        logits: Floats = example.features @ self.weights + self.bias
        return 1 / (1 + np.exp(-logits))


@dataclass(frozen=True, slots=True)
class _Text:
    """A passage of a collection; ``home`` is what is withheld with it: its paragraph or its file."""

    home: str
    title: str
    section: str
    text: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question; ``answers`` says whether ``text[start:end]`` of a passage at home answers it."""

    id: str
    text: str
    homes: frozenset[str]
    answerable: bool | None
    answers: Callable[[str, int, int], bool]


class _Collection:
    """Ranks the passages of a collection as ``search`` does, in memory."""

    def __init__(self, texts: Sequence[_Text], embedder: TextEmbedder) -> None:
        self._texts = texts
        self._languages = [language(one.text) for one in texts]
        self._vectors = embedder.encode(
            ["\n".join(filter(None, (one.title, one.section, one.text))) for one in texts]
        )
        self._postings: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        lengths = []
        for place, one in enumerate(texts):
            counts = analyse(one.text, self._languages[place])
            for context in (one.title, one.section):
                for term, times in analyse(context, self._languages[place]).items():
                    counts[term] += CONTEXT_WEIGHT * times
            lengths.append(counts.total())
            for term, times in counts.items():
                self._postings[term].append((place, times))
        self._lengths = np.array(lengths) / np.mean(lengths)

    def best(
        self, terms: Sequence[QueryTerm], vector: npt.NDArray[np.float32], without: Collection[str]
    ) -> tuple[list[Readable], list[float]]:
        """The passages to read for a question, best first, and how much each of its words tells.

        A passage's id is its home.
        """
        similarity = self._vectors @ vector
        score = SIMILARITY_WEIGHT * similarity.astype(float)
        weights, found = [], []
        for term in terms:
            times: Counter[int] = Counter()
            for form in term.forms:
                times.update(dict(self._postings.get(form, ())))
            found.append(times)
            weights.append(log(1 + (len(self._texts) - len(times) + 0.5) / (len(times) + 0.5)))
        for weight, counted in zip(weights, found, strict=True):
            for place, times_there in counted.items():
                strength = times_there / (times_there + 0.3 + 0.9 * self._lengths[place])
                score[place] += weight / sum(weights) * (strength + COVERAGE_WEIGHT)
        order = [place for place in np.argsort(-score) if self._texts[place].home not in without][:PASSAGES]
        return [self._readable(place, float(similarity[place])) for place in order], weights

    def _readable(self, place: int, similarity: float) -> Readable:
        one = self._texts[place]
        return Readable(one.home, one.text, one.title, one.section, self._languages[place], similarity)


def read(folder: Path, embedder: TextEmbedder) -> list[Example]:
    """The examples of all sets."""
    examples: list[Example] = []
    for name in ("squad2", "piaf_fr"):
        examples += _ask(name, *_paragraphs(folder, name), embedder)
    for texts, asked in _firms(folder):
        examples += _ask("rag_enterprise", texts, asked, embedder)
    return examples


def _ask(
    source: str, texts: Sequence[_Text], asked: Sequence[_Asked], embedder: TextEmbedder
) -> Iterator[Example]:
    collection = _Collection(texts, embedder)
    for one, vector in zip(asked, embedder.encode([one.text for one in asked]), strict=True):
        withheld = one.answerable is None and _hash(one.id) % _WITHHELD == 0
        answerable = not withheld if one.answerable is None else one.answerable
        terms = query_terms(one.text)
        passages, weights = collection.best(terms, vector, one.homes if withheld else ())
        found = candidates(read_question(one.text, weights, passages), passages)
        if terms and found:
            labels = [
                answerable
                and passages[sentence.passage].id in one.homes
                and one.answers(passages[sentence.passage].text, sentence.start, sentence.end)
                for sentence in found
            ]
            features = np.array([[sentence.features[name] for name in NAMES] for sentence in found])
            yield Example(source, _hash(min(one.homes)) % 2, answerable, features, np.array(labels))


def _paragraphs(folder: Path, name: str) -> tuple[list[_Text], list[_Asked]]:
    texts = [
        _Text(row["paragraph_id"], row["title"].replace("_", " "), "", row["text"])
        for row in _rows(folder / f"{name}_paragraphs.jsonl")
    ]
    asked = [
        _Asked(
            row["id"],
            row["question"],
            frozenset([row["paragraph_id"]]),
            not row["is_impossible"] if "is_impossible" in row else None,
            partial(_overlaps, [(one["start"], one["start"] + len(one["text"])) for one in row["answers"]]),
        )
        for row in _rows(folder / f"{name}.jsonl")
    ]
    return texts, asked


def _overlaps(spans: Sequence[tuple[int, int]], _text: str, start: int, end: int) -> bool:
    return any(start < stop and end > begin for begin, stop in spans)


def _firms(folder: Path) -> Iterator[tuple[list[_Text], list[_Asked]]]:
    """Each firm's files, read and cut as the pipeline does, and the questions to it."""
    questions = _rows(folder / "rag_enterprise_queries.jsonl")
    for firm in sorted({row["enterprise"] for row in questions}):
        texts = []
        for path in sorted((folder / "rag_enterprise_docs" / firm / "md").glob("*.md")):
            document = parse(path.read_bytes(), path.name)
            texts += [
                _Text(path.stem.lower(), document.title or path.stem, one.section, one.text)
                for one in chunk(document)
            ]
        asked = [
            _Asked(
                row["id"],
                row["query"],
                frozenset(Path(fact["filename"]).stem.lower() for fact in row["supporting_facts"]),
                None,
                partial(_mostly_in, [_words(fact["text"]) for fact in row["supporting_facts"]]),
            )
            for row in questions
            if row["enterprise"] == firm
        ]
        yield texts, asked


def _mostly_in(facts: Sequence[frozenset[str]], text: str, start: int, end: int) -> bool:
    said = _words(text[start:end])
    return len(said) >= _FEWEST_WORDS and max(len(said & fact) for fact in facts) >= _SHARED * len(said)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w{3,}", text.lower()))


def fit(examples: Sequence[Example]) -> Fit:
    """Logistic regression over the sentences; each set weighs the same, and in it each question."""
    from sklearn.linear_model import LogisticRegression

    questions = Counter(example.source for example in examples)
    features = np.concatenate([example.features for example in examples])
    labels = np.concatenate([example.labels for example in examples])
    weights = np.concatenate([np.full(len(e.labels), 1 / questions[e.source]) for e in examples])
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    model = LogisticRegression(max_iter=500)
    model.fit((features - mean) / spread, labels, sample_weight=weights * len(weights) / weights.sum())
    scaled: Floats = model.coef_[0] / spread
    return Fit(scaled, float(model.intercept_[0] - scaled @ mean))


def measure(fitted: Fit, examples: Sequence[Example]) -> dict[str, dict[str, float]]:
    """For each set: how often the best sentence holds the answer, and how well refusals fall."""
    from sklearn.metrics import roc_auc_score

    figures = {}
    for source in sorted({example.source for example in examples}):
        own = [example for example in examples if example.source == source]
        best = np.array([fitted.probabilities(example).max() for example in own])
        answerable = np.array([example.answerable for example in own])
        right = [e.labels[fitted.probabilities(e).argmax()] for e in own if e.answerable]
        figures[source] = {
            "n": float(len(own)),
            "sentence_at_1": round(float(np.mean(right)), 3),
            "refusal_auc": round(float(roc_auc_score(answerable, best)), 3),
            "false_refusals": round(float((best[answerable] < THRESHOLD).mean()), 3),
            "correct_refusals": round(float((best[~answerable] < THRESHOLD).mean()), 3),
        }
    return figures


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _hash(name: str) -> int:
    return sha256(name.encode()).digest()[0]


def main() -> None:
    """Fits, measures, writes the weights and prints the figures."""
    from resources.embedder import Embedder

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    examples = read(parser.parse_args().data, Embedder())
    half = fit([example for example in examples if example.half == 0])
    figures = measure(half, [example for example in examples if example.half == 1])
    whole = fit(examples)
    facts = {
        "weights": {name: round(float(weight), 4) for name, weight in zip(NAMES, whole.weights, strict=True)},
        "bias": round(whole.bias, 4),
        "threshold": THRESHOLD,
        "companion": COMPANION,
        "trained_on": _SOURCES,
        "measured_on_other_half": figures,
    }
    target = Path(__file__).parent / "weights" / "answer.json"
    target.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
