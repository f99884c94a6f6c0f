"""Lines of a PDF page into paragraphs in reading order: geometry alone, no format and no pdfium.

Content order is trusted where it makes sense (most producers write as people read) and corrected
where it does not: columns written row by row, headers drawn last.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

from drovi_assets.documents.model import Box
from drovi_assets.documents.pdf_words import GUTTER, Line

_MARKER = re.compile(
    r"[•●◦▪■□➢✓‣○·*–—-]|\(?(?:[a-z]|[ivxl]{1,6}|\d{1,3})[.)]|\((?:[A-Z]|[IVXL]{1,6})\)|\d{1,2}(?:\.\d{1,2}){1,3}\.?|[\uf0b7\uf0a7]"
)
_SENTENCE_END = (".", ":", ";", "!", "?", "»", "”", '"')
_REACH = 4
"""How many paragraphs back a line may still belong to: two columns written in turn, and a margin note."""


@dataclass(slots=True)
class Paragraph:
    """Lines that belong together, top to bottom."""

    lines: list[Line]
    x0: float = field(init=False)
    y0: float = field(init=False)
    x1: float = field(init=False)
    y1: float = field(init=False)

    def __post_init__(self) -> None:
        first = self.lines[0]
        self.x0, self.y0, self.x1, self.y1 = first.x0, first.y0, first.x1, first.y1
        for line in self.lines[1:]:
            self._grow(line)

    def add(self, line: Line) -> None:
        """Take one more line in."""
        self.lines.append(line)
        self._grow(line)

    def _grow(self, line: Line) -> None:
        self.x0, self.y0 = min(self.x0, line.x0), min(self.y0, line.y0)
        self.x1, self.y1 = max(self.x1, line.x1), max(self.y1, line.y1)

    @property
    def box(self) -> Box:
        """Around all of it."""
        return (self.x0, self.y0, self.x1, self.y1)

    @property
    def size(self) -> float:
        """The height of its type, in points: the median of its lines."""
        return self.lines[0].size if len(self.lines) == 1 else median([line.size for line in self.lines])

    @property
    def tabular(self) -> bool:
        """Rows rather than running text: most lines have a gap as wide as a gutter."""
        return sum(1 for line in self.lines if line.gaps) * 2 > len(self.lines)

    @property
    def marked(self) -> bool:
        """Opens with a bullet or a number of a list."""
        return _opens_item(self.lines[0])


def paragraphs(lines: Sequence[Line]) -> list[Paragraph]:
    """The page's paragraphs in reading order."""
    return _order(_group(_split_columns(lines)))


def _opens_item(line: Line) -> bool:
    """A marker and something after it. "»" closes a quotation in French, and marks an item only before a capital."""
    if len(line.words) < 2:
        return False
    marker = line.words[0][0]
    return _MARKER.fullmatch(marker) is not None or (marker in "»›" and line.words[1][0][:1].isupper())


def _split_columns(lines: Sequence[Line]) -> Sequence[Line]:
    """Undo a producer that wrote two columns row by row: cut such rows at the gutter they share.

    A gutter is a gap at the same place in six rows and in most of the rows that pass there, with three
    words of running text on either side; a table's columns rarely hold that much.
    """
    gapped = [(line, index) for line in lines for index in line.gaps]
    if len(gapped) < 6:
        return lines
    votes: dict[int, list[Line]] = {}
    for line, index in gapped:
        if index >= 3 and len(line.words) - index >= 3:
            left, right = line.words[index - 1][1][2], line.words[index][1][0]
            for slot in range(int(left // 4) + 1, int(right // 4) + 1):
                votes.setdefault(slot, []).append(line)
    if not votes:
        return lines
    slot, voters = max(votes.items(), key=lambda item: len(item[1]))
    at = slot * 4.0
    passing = sum(1 for line in lines if line.x0 < at < line.x1)
    if len(voters) < 6 or len(voters) * 2 < passing:
        return lines
    cut: list[Line] = []
    for line in lines:
        index = next((i for i in line.gaps if line.words[i - 1][1][2] <= at <= line.words[i][1][0]), 0)
        cut.extend(_cut(line, index) if index else (line,))
    return cut


def _cut(line: Line, index: int) -> tuple[Line, Line]:
    left, right = line.words[:index], line.words[index:]
    return (
        replace(
            line,
            words=left,
            x1=left[-1][1][2],
            hyphenated=False,
            gaps=tuple(i for i in line.gaps if i < index),
        ),
        replace(line, words=right, x0=right[0][1][0], gaps=tuple(i - index for i in line.gaps if i > index)),
    )


def _group(lines: Sequence[Line]) -> list[Paragraph]:
    leading = _leading(lines)
    found: list[Paragraph] = []
    for line in lines:
        home = next((p for p in reversed(found[-_REACH:]) if _continues(p, line, leading)), None)
        if home is None:
            found.append(Paragraph([line]))
        elif _same_row(home.lines[-1], line):
            _append_row(home, line)
        else:
            home.add(line)
    return found


def _leading(lines: Sequence[Line]) -> float:
    """The page's usual distance from line to line, in line heights; 1.2 where nothing tells."""
    counts: Counter[float] = Counter()
    for above, below in pairwise(lines):
        ratio = (below.y0 - above.y0) / (above.size or 1)
        if 0.5 < ratio < 2.6 and below.x0 < above.x1 and above.x0 < below.x1:
            counts[round(ratio, 1)] += 1
    return max(counts, key=lambda ratio: (counts[ratio], -ratio)) if counts else 1.2


def _same_row(last: Line, line: Line) -> bool:
    return min(last.y1, line.y1) - max(last.y0, line.y0) > 0.5 * min(last.size, line.size)


def _append_row(home: Paragraph, line: Line) -> None:
    """A piece of the same row: pdfium breaks a line where the baseline or the font's matrix changes."""
    last = home.lines[-1]
    shift = len(last.words)
    wide = (shift,) if line.x0 - last.x1 > GUTTER * last.size else ()
    last.gaps += wide + tuple(i + shift for i in line.gaps)
    last.words.extend(line.words)
    last.x1, last.y0, last.y1 = max(last.x1, line.x1), min(last.y0, line.y0), max(last.y1, line.y1)
    last.hyphenated = line.hyphenated
    home._grow(line)  # noqa: SLF001 -- the two halves of one structure, in one module


def _continues(home: Paragraph, line: Line, leading: float) -> bool:
    last = home.lines[-1]
    if _same_row(last, line):
        return -0.5 * line.size < line.x0 - last.x1 < 3 * line.size
    if not 0.82 < line.size / (last.size or 1) < 1.22 or last.bold != line.bold:
        return False
    step = (line.y0 - last.y0) / (last.size or 1)
    if not 0.3 < step < leading * 1.22 + 0.05:
        return False
    overlap = min(home.x1, line.x1) - max(home.x0, line.x0)
    if overlap < 0.3 * min(home.x1 - home.x0, line.x1 - line.x0):
        return False
    if _opens_item(line):
        return False
    return not _ends(home, line)


def _ends(home: Paragraph, line: Line) -> bool:
    """Whether the paragraph was over before this line: its last line stops short, or this one is indented."""
    last = home.lines[-1]
    if last.gaps or line.gaps or last.hyphenated:
        return False
    opens = line.words[0][0][:1]
    if opens.islower() or not last.words[-1][0].endswith(_SENTENCE_END):
        return False
    short = max(home.x1, line.x1) - last.x1 > 5 * line.size
    indented = len(home.lines) > 1 and not home.marked and line.x0 - last.x0 > 0.8 * line.size
    return short or indented


def _order(found: list[Paragraph]) -> list[Paragraph]:
    """Recursive cuts: a gutter between running text first, then the widest bands, else content order."""
    if len(found) < 2:
        return found
    columns = _cut_columns(found)
    if columns is not None:
        return [paragraph for column in columns for paragraph in _order(column)]
    bands = _cut_bands(found)
    if len(bands) == 1:
        return found
    return [paragraph for band in bands for paragraph in _order(band)]


def _cut_columns(found: list[Paragraph]) -> list[list[Paragraph]] | None:
    """Left and right of a gutter nothing crosses, where both sides are running text; None where there is none."""
    across = sorted(found, key=lambda p: p.x0)
    reach = across[0].x1
    for at, paragraph in enumerate(across[1:], start=1):
        if paragraph.x0 - reach > 4:
            left, right = across[:at], across[at:]
            if _is_column(left) and _is_column(right) and _side_by_side(left, right):
                kept = {id(p) for p in left}
                return [[p for p in found if id(p) in kept], [p for p in found if id(p) not in kept]]
        reach = max(reach, paragraph.x1)
    return None


def _is_column(side: list[Paragraph]) -> bool:
    """Four lines of running text or more: four words a line on average, and not the rows of a table."""
    lines = [line for paragraph in side for line in paragraph.lines]
    return len(lines) >= 4 and sum(len(line.words) for line in lines) >= 4 * len(lines)


def _side_by_side(left: list[Paragraph], right: list[Paragraph]) -> bool:
    """The two share most of the shorter one's height."""
    top = max(min(p.y0 for p in left), min(p.y0 for p in right))
    bottom = min(max(p.y1 for p in left), max(p.y1 for p in right))
    shorter = min(max(p.y1 for p in side) - min(p.y0 for p in side) for side in (left, right))
    return bottom - top > 0.5 * shorter


def _cut_bands(found: list[Paragraph]) -> list[list[Paragraph]]:
    """Horizontal bands that no paragraph crosses, top to bottom; content order is kept inside each.

    Of all the gaps only those that let columns appear below or above matter, but cutting at every one
    gives the same order and is simpler.
    """
    down = sorted(found, key=lambda p: p.y0)
    bands: list[set[int]] = [{id(down[0])}]
    reach = down[0].y1
    for paragraph in down[1:]:
        if paragraph.y0 >= reach - 1:
            bands.append(set())
        bands[-1].add(id(paragraph))
        reach = max(reach, paragraph.y1)
    return [[p for p in found if id(p) in band] for band in bands]
