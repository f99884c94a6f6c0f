"""Extraction: which objects are found, with which quote, which slots, and how often nothing is invented."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from drovi_assets.evaluation.metrics import Counts, match, mean, token_counts, total
from drovi_assets.evaluation.report import Recorder, Report
from drovi_assets.evaluation.subjects import Extractor
from drovi_assets.intelligence.model import ExtractedObject, TextContext
from golden_datasets import ExtractionCase

_EXACT_SLOTS = frozenset({"due", "date"})
_LEAST_SLOT_F1 = 0.5
"""Words of a slot may be cut a little differently; half of them shared is the same thing."""


@dataclass(slots=True)
class _Tally:
    kinds: dict[tuple[str, str], Counts] = field(default_factory=lambda: defaultdict(Counts))
    slots: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    overlaps: list[float] = field(default_factory=list)
    quiet: list[float] = field(default_factory=list)
    verified: list[float] = field(default_factory=list)


def evaluate(cases: Sequence[ExtractionCase], extract: Extractor, *, split: str) -> Report:
    """Score ``extract`` on the cases.

    A found object is right when it has the true kind and one of its quotes overlaps the true one
    (``metrics.LEAST_SPAN_IOU``), one to one. ``quiet`` is the share of cases without objects where nothing
    was found; ``evidence_completeness`` the share of found objects whose every quote stands in the text.
    """
    recorder, tally = Recorder("extraction", split), _Tally()
    for case in cases:
        context = TextContext(
            author=case.context.author,
            recipients=case.context.recipients,
            written_at=case.context.written_at,
            title=case.context.title,
        )
        found = recorder.timed(partial(extract, case.text, context=context))
        _score(case, found, tally, recorder)
    kinds = Counter(str(item.kind) for case in cases for item in case.objects)
    return recorder.report(len(cases), _metrics(tally), kinds)


def _score(case: ExtractionCase, found: Sequence[ExtractedObject], tally: _Tally, recorder: Recorder) -> None:
    tally.verified += [float(complete(item, case.text)) for item in found]
    if not case.objects:
        tally.quiet.append(float(not found))
    for kind in {item.kind for item in case.objects} | {item.kind.value for item in found}:
        truth = [item for item in case.objects if item.kind == kind]
        spans = [(at := case.text.index(item.quote), at + len(item.quote)) for item in truth]
        mine = [item for item in found if item.kind == kind]
        pairs = match(spans, [[(quote.start, quote.end) for quote in item.evidence] for item in mine])
        tally.kinds[case.lang, kind] += Counts(len(pairs), len(mine) - len(pairs), len(truth) - len(pairs))
        for i, j, overlap in pairs:
            tally.overlaps.append(overlap)
            for slot, value in truth[i].slots.items():
                tally.slots[slot].append(float(same_slot(slot, value, mine[j].slots.get(slot))))
        seen, used = {i for i, _, _ in pairs}, {j for _, j, _ in pairs}
        for i in set(range(len(truth))) - seen:
            recorder.mistake(case.id, f"{kind}: {truth[i].quote}", "")
        for j in set(range(len(mine))) - used:
            recorder.mistake(case.id, "", f"{kind}: {mine[j].text}")


def _metrics(tally: _Tally) -> dict[str, float]:
    metrics = total(tally.kinds.values()).named()
    metrics["quiet"] = mean(tally.quiet)
    metrics["evidence_completeness"] = mean(tally.verified)
    metrics["quote_overlap"] = mean(tally.overlaps)
    for kind in sorted({kind for _, kind in tally.kinds}):
        metrics |= total(counts for (_, name), counts in tally.kinds.items() if name == kind).named(kind)
    for lang in sorted({lang for lang, _ in tally.kinds}):
        metrics |= total(counts for (name, _), counts in tally.kinds.items() if name == lang).named(lang)
    for (lang, kind), counts in sorted(tally.kinds.items()):
        metrics |= counts.named(f"{lang}.{kind}")
    for slot, rights in sorted(tally.slots.items()):
        metrics[f"slots.{slot}"] = mean(rights)
    return metrics


def complete(item: ExtractedObject, text: str) -> bool:
    """Whether the object has evidence and every quote stands, character for character, where it says."""
    quotes = item.evidence
    return bool(quotes) and all(
        quote.text and text[quote.start : quote.end] == quote.text for quote in quotes
    )


def same_slot(slot: str, truth: object, found: object) -> bool:
    """Dates and numbers must be equal; words must mostly agree."""
    if found is None:
        return False
    if slot in _EXACT_SLOTS:
        return str(found)[:10] == str(truth)
    try:
        return abs(float(str(found)) - float(str(truth))) < 1e-6
    except ValueError:
        return token_counts(str(truth), str(found)).f1 >= _LEAST_SLOT_F1
