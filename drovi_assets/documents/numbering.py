"""The numbers Word draws before paragraphs, which are nowhere in the text: "4.2", "(a)", "Article III".

A contract is cited by them, so they are computed from the numbering part (ECMA-376 part 1, 17.9).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"),
    (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Level:
    format: str
    pattern: str
    start: int
    legal: bool


@dataclass(slots=True)
class Numbering:
    """Counts through a document; ask for each numbered paragraph's label in document order, once."""

    _levels: dict[str, dict[int, _Level]] = field(default_factory=dict)
    _lists: dict[str, str] = field(default_factory=dict)
    _restarts: dict[tuple[str, int], int] = field(default_factory=dict)
    _counts: dict[str, dict[int, int]] = field(default_factory=dict)
    _begun: set[tuple[str, int]] = field(default_factory=set)

    @classmethod
    def read(cls, root: Any | None) -> Numbering:
        """From the numbering part's root; a document without one has no labels."""
        numbering = cls()
        if root is None:
            return numbering
        for abstract in root.iterfind(f"{W}abstractNum"):
            numbering._levels[abstract.get(f"{W}abstractNumId", "")] = {
                _int(level, f"{W}ilvl", 0): _level(level) for level in abstract.iterfind(f"{W}lvl")
            }
        for number in root.iterfind(f"{W}num"):
            key = number.get(f"{W}numId", "")
            target = number.find(f"{W}abstractNumId")
            numbering._lists[key] = target.get(f"{W}val", "") if target is not None else ""
            for override in number.iterfind(f"{W}lvlOverride"):
                start = override.find(f"{W}startOverride")
                if start is not None:
                    numbering._restarts[key, _int(override, f"{W}ilvl", 0)] = _int(start, f"{W}val", 1)
        return numbering

    def label(self, number: str, depth: int) -> str:
        """The label of the next paragraph of list ``number`` at ``depth``; "" for a bullet or an unknown list."""
        abstract = self._lists.get(number, "")
        levels = self._levels.get(abstract, {})
        level = levels.get(depth)
        if level is None:
            return ""
        counts = self._counts.setdefault(abstract, {})
        restart = self._restarts.get((number, depth))
        if restart is not None and (number, depth) not in self._begun:
            counts[depth] = restart
        else:
            counts[depth] = counts.get(depth, level.start - 1) + 1
        self._begun.add((number, depth))
        for deeper in [key for key in counts if key > depth]:
            del counts[deeper]
        if level.format in {"bullet", "none"}:
            return ""
        return self._filled(level, levels, counts).strip()

    def _filled(self, level: _Level, levels: dict[int, _Level], counts: dict[int, int]) -> str:
        label = level.pattern
        for depth, other in levels.items():
            place = f"%{depth + 1}"
            if place in label:
                shape = "decimal" if level.legal else other.format
                label = label.replace(place, _shown(counts.get(depth, other.start), shape))
        return label


def _level(element: Any) -> _Level:
    def value(tag: str, default: str) -> str:
        found = element.find(f"{W}{tag}")
        return default if found is None else str(found.get(f"{W}val", default))

    start = value("start", "1")
    return _Level(
        value("numFmt", "decimal"),
        value("lvlText", ""),
        int(start) if start.isdigit() else 1,
        element.find(f"{W}isLgl") is not None,
    )


def _shown(count: int, shape: str) -> str:
    if shape in {"lowerLetter", "upperLetter"} and count > 0:
        letters = chr(ord("a") + (count - 1) % 26) * (
            (count - 1) // 26 + 1
        )  # after z comes aa, then bb: Word repeats
        return letters if shape == "lowerLetter" else letters.upper()
    if shape in {"lowerRoman", "upperRoman"} and 0 < count < 4000:
        roman = _roman(count)
        return roman if shape == "lowerRoman" else roman.upper()
    return f"{count:02d}" if shape == "decimalZero" else str(count)


def _roman(count: int) -> str:
    digits = []
    for value, letters in _ROMAN:
        digits.append(letters * (count // value))
        count %= value
    return "".join(digits)


def _int(element: Any, attribute: str, default: int) -> int:
    raw = element.get(attribute, "")
    return int(raw) if raw.lstrip("-").isdigit() else default
