"""Evidence linking: the sentences that say what a statement says, or none.

A statement is not a question: it carries its own answer, so what counts is how much of it a sentence repeats, its
figures and names first, and that one does not deny what the other affirms.
"""

from __future__ import annotations

from collections.abc import Sequence

from drovi_assets.retrieval.answer import Answer, Selected
from drovi_assets.retrieval.reading import Candidate, Passage, candidates, read_question, readable

ENOUGH = 0.3
"""The least a sentence must score; chosen on the training split of the golden evidence set."""
_BESIDE = 0.85
_MOST_SENTENCES = 2
_DENIAL = 0.1


def find_support(statement: str, passages: Sequence[Passage]) -> Answer:
    """The sentences of ``passages`` that support ``statement``, best first; no citation where none does."""
    texts = [readable(passage) for passage in passages]
    asked = read_question(statement, None, texts)
    if not asked.terms:
        return Answer((), 0.0)
    judged = sorted(
        ((_score(candidate), candidate) for candidate in candidates(asked, texts)),
        key=lambda pair: (-pair[0], pair[1].passage, pair[1].start),
    )
    best = judged[0][0] if judged else 0.0
    if best < ENOUGH:
        return Answer((), best)
    chosen = [pair for pair in judged[:_MOST_SENTENCES] if pair[0] >= max(ENOUGH, best * _BESIDE)]
    return Answer(
        tuple(
            Selected(
                texts[one.passage].id,
                one.start,
                one.end,
                texts[one.passage].text[one.start : one.end],
                score,
            )
            for score, one in chosen
        ),
        best,
    )


def _score(candidate: Candidate) -> float:
    features = candidate.features
    said = 0.7 * features["sentence_coverage"] + 0.3 * features["context_coverage"]
    return said - _DENIAL * features["negation_differs"] - 0.1 * features["names_missing"]
