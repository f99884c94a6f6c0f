"""Parsing: are all words there, in the right order, in the right section, in the right place on the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from drovi_assets.documents.model import Block, ParsedDocument
from drovi_assets.evaluation.metrics import Box, Counts, box_iou, in_order, mean, token_counts, tokens, total
from drovi_assets.evaluation.report import Recorder, Report
from drovi_assets.evaluation.subjects import Parser
from golden_datasets import DocumentCase
from golden_datasets.cases import DocumentTruth, TrueBlock

_LEAST_BLOCK_F1 = 0.5
"""A parsed block is taken for a true one when they share about half their words."""
_LEAST_BOX_IOU = 0.5
_MARGINS = frozenset({"header", "footer"})


@dataclass(frozen=True, slots=True)
class _Score:
    words: Counts
    order: float
    kinds: list[float]
    sections: list[float]
    boxes: list[float]
    attachments: float


def evaluate(cases: Sequence[DocumentCase], parse: Parser, *, split: str) -> Report:
    """Score ``parse`` on the files.

    ``words``: the words of the body, as multisets; a margin not recognised as one adds to what is invented. ``order``: the longest part of the truth's words found in
    order, by file. ``kind`` and ``section``: of the true blocks, those whose parsed block agrees. ``boxes``:
    of the words drawn, those found with an overlap (IoU) of a half; ``box_iou`` the mean overlap.
    """
    recorder = Recorder("documents", split)
    scores: dict[str, _Score] = {}
    for case in cases:
        truth = case.read_truth()
        document = recorder.timed(partial(parse, case.content, case.file.rsplit("/", 1)[-1]))
        score = _score(truth, document, parse)
        scores[case.file] = score
        if score.words.f1 < 1 or score.order < 1:
            recorder.mistake(
                case.file, "words and order 1.0", f"words {score.words.f1:.3f}, order {score.order:.3f}"
            )
    return recorder.report(len(cases), _metrics(scores), {"files": len(cases)})


def _score(truth: DocumentTruth, document: ParsedDocument, parse: Parser) -> _Score:
    blocks = _blocks(document, parse)
    pairs = [(true, _closest(true, blocks)) for true in truth.blocks]
    return _Score(
        words=token_counts(_body(truth.blocks), _body(blocks)),
        order=_order(truth, blocks),
        kinds=[float(found is not None and found.kind == true.kind) for true, found in pairs],
        sections=[
            float(found is not None and tokens(found.section) == tokens(true.section))
            for true, found in pairs
            if true.section and true.kind != "title"
        ],
        boxes=_boxes(truth, blocks),
        attachments=float(len(document.attachments) == len(truth.attachments)),
    )


def _blocks(document: ParsedDocument, parse: Parser) -> list[Block]:
    """The document's blocks; for a container that has none of its own (a mailbox), those of its parts."""
    if document.blocks:
        return list(document.blocks)
    parts = [parse(part.content, part.path.rsplit("/", 1)[-1]) for part in document.attachments]
    return [block for part in parts for block in part.blocks]


def _body(blocks: Sequence[TrueBlock | Block]) -> str:
    """The text without running headers and footers and without a mail's header lines."""
    return "\n".join(block.text for block in blocks if block.kind not in _MARGINS)


def _closest(true: TrueBlock, blocks: Sequence[Block]) -> Block | None:
    scored = [
        (token_counts(true.text, block.text).f1, block) for block in blocks if true.page in {None, block.page}
    ]
    best = max(scored, key=lambda pair: pair[0], default=None)
    return best[1] if best and best[0] >= _LEAST_BLOCK_F1 else None


def _order(truth: DocumentTruth, blocks: Sequence[Block]) -> float:
    """The share of the words that occur once in the truth that were found, once, and in rising order.

    Running headers and footers are left out: before, after or between the body are all fair.
    """
    true_words, found_words = tokens(_body(truth.blocks)), tokens(_body(blocks))
    place = {word: at for at, word in enumerate(found_words)}
    anchors = [word for word in true_words if true_words.count(word) == 1]
    positions = [place[word] for word in anchors if found_words.count(word) == 1]
    return in_order(positions) * len(positions) / len(anchors)


def _boxes(truth: DocumentTruth, blocks: Sequence[Block]) -> list[float]:
    """Best overlap of each drawn word with a parsed word that says the same on the same page."""
    found: dict[tuple[str, int | None], list[Box]] = defaultdict(list)
    for block in blocks:
        for word in block.words:
            found[_bare(block.text[word.start : word.end]), block.page].append(word.box)
    return [
        max((box_iou(box, (x0, y0, x1, y1)) for box in found[_bare(text), page]), default=0.0)
        for text, page, x0, y0, x1, y1 in truth.words_with_boxes
        if tokens(text)
    ]


def _bare(word: str) -> str:
    return "".join(tokens(word))


def _metrics(scores: dict[str, _Score]) -> dict[str, float]:
    values = list(scores.values())
    overlaps = [overlap for score in values for overlap in score.boxes]
    metrics = total(score.words for score in values).named("words")
    metrics |= {
        "order": mean(score.order for score in values),
        "kind": mean(right for score in values for right in score.kinds),
        "section": mean(right for score in values for right in score.sections),
        "boxes": mean(float(overlap >= _LEAST_BOX_IOU) for overlap in overlaps),
        "box_iou": mean(overlaps),
        "attachments": mean(score.attachments for score in values),
    }
    for name, score in scores.items():
        metrics[f"{name.rsplit('/', 1)[-1]}.words.f1"] = score.words.f1
        metrics[f"{name.rsplit('/', 1)[-1]}.order"] = score.order
    return metrics
