"""Answers and evidence: is the right passage cited, is the answer in it, and is silence kept where nothing is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from drovi_assets.evaluation.candidates import Candidates
from drovi_assets.evaluation.metrics import Counts, covered, label_counts, mean, token_counts, tokens, total
from drovi_assets.evaluation.report import Recorder, Report
from drovi_assets.evaluation.subjects import Answerer, Passage

CANDIDATES = 8
"""Passages that search hands to the answerer."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question; ``answers`` is empty where the corpus has none."""

    id: str
    lang: str
    text: str
    passage: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Outcome:
    question: Question
    ranked: tuple[str, ...]
    cited: tuple[str, ...]
    text: str
    sound: bool


def evaluate(
    questions: Sequence[Question],
    corpora: Mapping[str, Sequence[Passage]],
    answer: Answerer,
    *,
    suite: str,
    split: str,
) -> Report:
    """Score ``answer`` on the questions; ``corpora`` maps a language to its passages.

    ``passage_at_1``: the first citation is in the true passage. ``answer_contained``: the answer holds a true
    answer's words in order. ``answer_f1``: its words against the true answer's (SQuAD's token F1). Refusals
    count as a label of their own.
    """
    recorder = Recorder(suite, split)
    indexes = {lang: Candidates(passages, lang) for lang, passages in corpora.items()}
    outcomes = [_ask(question, indexes[question.lang], answer, recorder) for question in questions]
    for outcome in outcomes:
        if outcome.question.answers and not _contained(outcome):
            recorder.mistake(
                outcome.question.id, f"{outcome.question.text} -> {outcome.question.answers[0]}", outcome.text
            )
        elif not outcome.question.answers and outcome.cited:
            recorder.mistake(outcome.question.id, f"{outcome.question.text} -> refusal", outcome.text)
    metrics = _metrics(outcomes)
    for lang in sorted(indexes):
        mine = [outcome for outcome in outcomes if outcome.question.lang == lang]
        metrics |= {f"{lang}.{name}": value for name, value in _metrics(mine).items()}
    answerable = sum(bool(question.answers) for question in questions)
    return recorder.report(
        len(questions), metrics, {"answerable": answerable, "unanswerable": len(questions) - answerable}
    )


def _ask(question: Question, index: Candidates, answer: Answerer, recorder: Recorder) -> _Outcome:
    passages = index.best(question.text, CANDIDATES)
    texts = {passage.id: passage.text for passage in passages}
    got = recorder.timed(partial(answer, question.text, passages))
    return _Outcome(
        question=question,
        ranked=tuple(texts),
        cited=tuple(citation.passage for citation in got.citations),
        text=got.text,
        sound=all(0 <= c.start < c.end <= len(texts.get(c.passage, "")) for c in got.citations),
    )


def _metrics(outcomes: Sequence[_Outcome]) -> dict[str, float]:
    asked = [outcome for outcome in outcomes if outcome.question.answers]
    refusals = label_counts(
        [not outcome.question.answers for outcome in outcomes],
        [not outcome.cited for outcome in outcomes],
        label=True,
    )
    return {
        "candidate_recall": mean(float(o.question.passage in o.ranked) for o in asked),
        "passage_at_1": mean(float(o.cited[:1] == (o.question.passage,)) for o in asked),
        "answer_contained": mean(float(_contained(o)) for o in asked),
        "answer_f1": mean(max(token_counts(true, o.text).f1 for true in o.question.answers) for o in asked),
        **refusals.named("refusal"),
        "evidence_completeness": mean(float(o.sound) for o in outcomes if o.cited),
    }


def _contained(outcome: _Outcome) -> bool:
    said = f" {' '.join(tokens(outcome.text))} "
    return bool(outcome.cited) and any(
        f" {' '.join(tokens(true))} " in said for true in outcome.question.answers
    )


@dataclass(frozen=True, slots=True)
class Link:
    """A statement, the paragraphs that may support it, and the exact spans that do."""

    id: str
    lang: str
    statement: str
    document: tuple[str, ...]
    spans: tuple[tuple[int, int, int], ...]
    """(paragraph index, start, end); empty where nothing supports the statement."""


def evaluate_links(links: Sequence[Link], answer: Answerer, *, suite: str, split: str) -> Report:
    """Score the evidence that ``answer`` cites for each statement.

    ``characters``: what is cited against what should be, over all supported statements. ``found``: at least
    one cited span overlaps a true one. ``silence``: nothing is cited where nothing supports.
    """
    recorder = Recorder(suite, split)
    characters: dict[str, Counts] = {}
    found: dict[str, list[float]] = {"fr": [], "en": []}
    silence: dict[str, list[float]] = {"fr": [], "en": []}
    for link in links:
        passages = [Passage(str(at), text) for at, text in enumerate(link.document)]
        got = recorder.timed(partial(answer, link.statement, passages))
        spans = [(int(citation.passage), citation.start, citation.end) for citation in got.citations]
        counts = total(
            covered([s[1:] for s in link.spans if s[0] == at], [s[1:] for s in spans if s[0] == at])
            for at in range(len(link.document))
        )
        if link.spans:
            characters[link.lang] = characters.get(link.lang, Counts()) + counts
            found[link.lang].append(float(counts.hits > 0))
        else:
            silence[link.lang].append(float(not spans))
        if bool(link.spans) != bool(spans) or (link.spans and not counts.hits):
            recorder.mistake(
                link.id, link.statement, [link.document[at][start:end] for at, start, end in spans]
            )
    metrics = total(characters.values()).named("characters")
    metrics["found"] = mean(found["fr"] + found["en"])
    metrics["silence"] = mean(silence["fr"] + silence["en"])
    for lang, counts in sorted(characters.items()):
        metrics |= counts.named(f"{lang}.characters")
        metrics |= {f"{lang}.found": mean(found[lang]), f"{lang}.silence": mean(silence[lang])}
    supported = sum(bool(link.spans) for link in links)
    return recorder.report(
        len(links), metrics, {"supported": supported, "unsupported": len(links) - supported}
    )
