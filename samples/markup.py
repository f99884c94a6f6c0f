"""What a source of the sample bundle says: its items, and the small markup of letters, contracts and minutes.

Reading only; `pdf.py`, `office.py` and `mail.py` write the files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(__file__).resolve().parent / "sources"


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the bundle as its source describes it."""

    path: str
    headers: dict[str, str]
    body: str

    @property
    def suffix(self) -> str:
        """The extension that chooses the writer; `#3` after it numbers the messages of an mbox."""
        return PurePosixPath(self.path.partition("#")[0]).suffix


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a letter: `kind` is title, heading, paragraph, bullet, right, left, table or pagebreak."""

    kind: str
    lines: tuple[str, ...]


def read_items(sources: Path = SOURCES) -> list[Item]:
    """All items, in the order of the source files and of the items inside each."""
    items: list[Item] = []
    for source in sorted(sources.rglob("*.txt")):
        for chunk in re.split(r"^@@@ ", source.read_text("utf-8"), flags=re.MULTILINE)[1:]:
            path, _, rest = chunk.partition("\n")
            head, _, body = ("\n" + rest).partition("\n---\n")
            headers = dict(re.findall(r"^(\w+): *(.*)$", head, flags=re.MULTILINE))
            items.append(Item(path.strip(), headers, body.strip("\n") + "\n"))
    return items


def typeset(text: str, language: str) -> str:
    """Typographic apostrophes, and in French the no-break spaces that a word processor puts by itself."""
    text = re.sub(r"(?<=\w)'(?=\w)", "’", text)
    if language == "fr":
        text = re.sub(r"(?<=\d) (?=\d{3}\b)|(?<=\d) (?=[€%])|(?<=«) | (?=[»:;?!])", "\u00a0", text)
    return text


PREFIXES = {"# ": "title", "## ": "heading", "- ": "bullet", "> ": "right", "^ ": "left", "| ": "table"}


def blocks(text: str) -> Iterator[Block]:
    """Splits the markup into blocks.

    `# ` title, `## ` heading, `- ` bullet, `> ` right and `^ ` left blocks that keep their lines, `| a | b` table
    rows, `===` page break; anything else is a paragraph up to the empty line.
    """
    for part in re.split(r"\n\s*\n", text.strip("\n")):
        if part == "===":
            yield Block("pagebreak", ())
            continue
        lines = part.split("\n")
        kind = next((k for prefix, k in PREFIXES.items() if lines[0].startswith(prefix)), "paragraph")
        if kind == "paragraph":
            yield Block(kind, (" ".join(lines),))
        elif kind in {"bullet", "title", "heading"}:
            for line in lines:
                yield Block(kind, (line.partition(" ")[2],))
        else:
            yield Block(kind, tuple(line[2:].strip() for line in lines))


def cells(line: str) -> list[str]:
    """The cells of one table row."""
    return [cell.strip() for cell in line.split("|")]
