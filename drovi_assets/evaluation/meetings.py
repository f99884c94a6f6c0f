"""Meetings whose action items and decisions were marked by others (AMI corpus): commitments and decisions of ours.

An item is found when an object of its kind quotes an utterance within ``NEAR`` of one of its own: annotators of a
conversation rarely agree on the very utterance.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from drovi_assets.evaluation.metrics import Counts
from drovi_assets.evaluation.report import Recorder, Report
from drovi_assets.evaluation.rows import Row, rows
from drovi_assets.evaluation.subjects import Extractor
from drovi_assets.intelligence.model import ExtractedObject, TextContext

NEAR = 2
KINDS = {"action": "commitment", "decision": "decision"}


def measure(subject: Extractor, split: str, dataset: Path | None) -> Report:
    """Precision and recall of action items and decisions over all meetings of the set."""
    recorder = Recorder("outside/ami_meetings", split)
    counts = dict.fromkeys(KINDS, Counts())
    meetings = rows(dataset, "ami_meetings")
    for meeting in meetings:
        lines = [f"{utterance['role']}: {utterance['text']}" for utterance in meeting["utterances"]]
        objects = recorder.timed(partial(subject, "\n".join(lines), context=TextContext()))
        for kind in KINDS:
            counts[kind] += _count(kind, meeting, lines, objects)
    metrics: dict[str, float] = {}
    for kind, tally in counts.items():
        metrics |= tally.named(kind)
    return recorder.report(len(meetings), metrics, {kind: c.hits + c.missed for kind, c in counts.items()})


def _count(kind: str, meeting: Row, lines: Sequence[str], objects: Sequence[ExtractedObject]) -> Counts:
    starts = [0]
    for line in lines[:-1]:
        starts.append(starts[-1] + len(line) + 1)
    found = [
        {bisect_right(starts, quote.start) - 1 for quote in item.evidence}
        for item in objects
        if item.kind == KINDS[kind]
    ]
    items = [item for item in meeting["items"] if item["type"] == kind and item["evidence"]]
    left = list(found)
    for item in items:
        near = {at + shift for at in item["evidence"] for shift in range(-NEAR, NEAR + 1)}
        hit = next((mine for mine in left if mine & near), None)
        if hit is not None:
            left.remove(hit)
    hits = len(found) - len(left)
    return Counts(hits, len(left), len(items) - hits)
