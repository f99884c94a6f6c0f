"""Word files, read from their XML: everything a reader sees, and what reviewers wrote in the margin.

Read directly because the usual libraries leave out what a law firm cannot lose: text boxes, content
controls, footnotes, comments, and the numbers of clauses. Deleted revisions are left out, inserted kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from drovi_assets.documents import sniff
from drovi_assets.documents.archive import Package
from drovi_assets.documents.model import Block, BlockKind, ParsedDocument
from drovi_assets.documents.numbering import Numbering, W
from drovi_assets.documents.plain import table_blocks
from drovi_assets.documents.text import clean, collapse, is_shouted, language, tidy
from resources.errors import Invalid

_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_TRANSITIONAL = W.strip("{}")
_LONG_CELL = 600
"""A table with longer cells lays out a page (a letterhead, a form); its cells are read as ordinary text."""
_MAX_DEPTH = 200

_WRAPPERS = frozenset(
    {
        "sdt",
        "sdtContent",
        "customXml",
        "ins",
        "moveTo",
        "smartTag",
        "AlternateContent",
        "Choice",
        "body",
        "txbxContent",
        "tc",
    }
)
_LEFT_OUT = frozenset({"del", "moveFrom", "Fallback", "txbxContent", "instrText", "rPr", "pPr"})


@dataclass(frozen=True, slots=True)
class _Style:
    name: str
    parent: str
    outlined: bool
    bold: bool
    number: tuple[str, int] | None


@dataclass(slots=True)
class _Reader:
    package: Package
    part: str
    styles: dict[str, _Style]
    numbering: Numbering
    notes: dict[tuple[str, str], str]
    section: str = ""
    blocks: list[Block] = field(default_factory=list)


def parse_docx(content: bytes) -> ParsedDocument:
    """Read a Word file.

    Raises:
        Invalid: damaged, or a decompression bomb.
    """
    package = Package(content)
    part = next(iter(package.related("", "officeDocument")), "word/document.xml")
    body = _part(package, part)
    if body is None:
        raise Invalid(
            "The Word file is damaged: its text cannot be read.",
            remedy="Open it in Word, save it again and add that.",
        )
    reader = _Reader(
        package,
        part,
        _styles(_first(package, part, "styles")),
        Numbering.read(_first(package, part, "numbering")),
        _notes(package, part),
    )
    reader.blocks.extend(_margins(package, part, "header"))
    _walk(reader, body, 0)
    reader.blocks.extend(_margins(package, part, "footer"))
    reader.blocks.extend(_comments(package, part))
    blocks = tuple(reader.blocks)
    spoken = language(" ".join(block.text for block in blocks[:200]))
    return ParsedDocument(sniff.DOCX, blocks, title=package.title(), language=spoken)


def _part(package: Package, name: str) -> Any | None:
    """A part's root, the strict namespace brought back to the transitional one so that one set of names does."""
    root = package.xml(name)
    if root is not None and root.tag.startswith(f"{{{_STRICT}}}"):
        for element in root.iter():
            if isinstance(element.tag, str) and element.tag.startswith(f"{{{_STRICT}}}"):
                element.tag = W + element.tag.rpartition("}")[2]
            for key in [key for key in element.attrib if key.startswith(f"{{{_STRICT}}}")]:
                element.set(W + key.rpartition("}")[2], element.attrib.pop(key))
    return root


def _first(package: Package, part: str, kind: str) -> Any | None:
    return next(
        (root for name in package.related(part, kind) if (root := _part(package, name)) is not None), None
    )


def _local(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _value(element: Any, path: str, default: str = "") -> str:
    found = element.find(path)
    return default if found is None else str(found.get(f"{W}val", default))


# --- the body ------------------------------------------------------------------------------------


def _walk(reader: _Reader, element: Any, depth: int) -> None:
    """Paragraphs and tables in document order, through whatever wraps them."""
    if depth > _MAX_DEPTH:
        return
    for child in element:
        name = _local(child)
        if name == "p":
            _paragraph(reader, child, depth)
        elif name == "tbl":
            _table(reader, child, depth)
        elif name in _WRAPPERS:
            _walk(reader, child, depth + 1)


def _paragraph(reader: _Reader, paragraph: Any, depth: int) -> None:
    text = tidy(clean(_text(paragraph)))
    style = _style_of(reader, paragraph)
    number = _number_of(reader, paragraph, style)
    if text:
        label = reader.numbering.label(*number) if number else ""
        kind = _kind(reader, paragraph, style, text, numbered=number is not None)
        _add(reader, kind, f"{label} {text}" if label else text)
    for note in _notes_in(reader, paragraph):
        _add(reader, "paragraph", note)
    for box in _boxes_in(paragraph):
        _walk(reader, box, depth + 1)


def _add(reader: _Reader, kind: BlockKind, text: str) -> None:
    reader.blocks.append(Block(kind, text, section=reader.section))
    if kind == "title":
        reader.section = collapse(text)


def _text(paragraph: Any) -> str:
    """The paragraph's own characters: not its text boxes', nor what a revision deleted, nor field codes."""
    parts: list[str] = []
    stack = [paragraph]
    while stack:
        element = stack.pop()
        name = _local(element)
        if name in _LEFT_OUT:
            continue
        if name == "t":
            parts.append(element.text or "")
        elif name in {"tab", "ptab"}:
            parts.append("\t")
        elif name in {"br", "cr"}:
            parts.append("\n")
        elif name == "noBreakHyphen":
            parts.append("-")
        else:
            stack.extend(reversed(element))
    return "".join(parts)


def _boxes_in(paragraph: Any) -> Iterator[Any]:
    """Text boxes anchored in the paragraph; of the two copies Word writes, the modern one."""
    for box in paragraph.iter(f"{W}txbxContent"):
        around = [_local(parent) for parent in box.iterancestors() if parent is not paragraph]
        nearest = around[: around.index("txbxContent")] if "txbxContent" in around else around
        if "Fallback" not in nearest and next(box.iterancestors(f"{W}p")) is paragraph:
            yield box


def _kind(reader: _Reader, paragraph: Any, style: str, text: str, *, numbered: bool) -> BlockKind:
    chain = list(_chain(reader.styles, style))
    level = _value(paragraph, f"{W}pPr/{W}outlineLvl", "9")
    if level in {"0", "1", "2", "3", "4", "5", "6", "7", "8"} or any(_is_heading(item) for item in chain):
        return "title"
    name = chain[0].name if chain else ""
    if name == "caption":
        return "caption"
    short = len(text) <= 120 and len(text.split()) <= 12 and not text.endswith((".", ",", ";", ":"))
    if short and "\n" not in text and (is_shouted(text) or _is_bold(paragraph, chain)):
        return "title"
    return "list_item" if numbered or name.startswith("list") else "paragraph"


def _is_heading(style: _Style) -> bool:
    return style.outlined or style.name in {"title", "subtitle"} or style.name.startswith("heading ")


def _is_bold(paragraph: Any, chain: list[_Style]) -> bool:
    """Every run with letters in it is bold, by itself or by the style: how people make headings by hand."""
    inherited = any(style.bold for style in chain)
    runs = [
        run
        for run in paragraph.iter(f"{W}r")
        if any((text.text or "").strip() for text in run.iterfind(f"{W}t"))
    ]
    return bool(runs) and all(_flag(run.find(f"{W}rPr/{W}b"), inherited) for run in runs)


def _flag(element: Any | None, default: bool) -> bool:
    return default if element is None else element.get(f"{W}val", "1") not in {"0", "false", "off"}


def _style_of(reader: _Reader, paragraph: Any) -> str:
    return _value(paragraph, f"{W}pPr/{W}pStyle") or ("Normal" if "Normal" in reader.styles else "")


def _number_of(reader: _Reader, paragraph: Any, style: str) -> tuple[str, int] | None:
    """The list a paragraph is in and how deep: its own word first, then its styles'; list 0 means none."""
    own = paragraph.find(f"{W}pPr/{W}numPr")
    inherited = next((item.number for item in _chain(reader.styles, style) if item.number), None)
    if own is None:
        return inherited
    number = _value(own, f"{W}numId") or (inherited[0] if inherited else "")
    return None if number in {"", "0"} else (number, int(_value(own, f"{W}ilvl", "0") or 0))


# --- tables --------------------------------------------------------------------------------------


def _table(reader: _Reader, table: Any, depth: int) -> None:
    rows = [[_cell_text(cell) for cell in row.iterfind(f"{W}tc")] for row in _rows(table)]
    rows = [row for row in rows if any(row)]
    single = max(map(len, rows), default=0) < 2
    if single or any(len(cell) > _LONG_CELL for row in rows for cell in row):
        for row in _rows(table):
            for cell in row.iterfind(f"{W}tc"):
                _walk(reader, cell, depth + 1)
        return
    for block in table_blocks(rows, section=reader.section):
        reader.blocks.append(block)


def _rows(table: Any) -> Iterator[Any]:
    """Rows, also those inside a content control."""
    for child in table:
        if _local(child) == "tr":
            yield child
        elif _local(child) in {"sdt", "sdtContent", "ins", "customXml"}:
            yield from _rows(child)


def _cell_text(cell: Any) -> str:
    return collapse(clean(" ".join(_text(paragraph) for paragraph in cell.iter(f"{W}p"))))


# --- other parts ---------------------------------------------------------------------------------


def _styles(root: Any | None) -> dict[str, _Style]:
    found: dict[str, _Style] = {}
    for style in root.iterfind(f"{W}style") if root is not None else ():
        number = _value(style, f"{W}pPr/{W}numPr/{W}numId")
        depth = _value(style, f"{W}pPr/{W}numPr/{W}ilvl", "0")
        found[style.get(f"{W}styleId", "")] = _Style(
            name=_value(style, f"{W}name").lower(),
            parent=_value(style, f"{W}basedOn"),
            outlined=_value(style, f"{W}pPr/{W}outlineLvl", "9") in set("012345678"),
            bold=_flag(style.find(f"{W}rPr/{W}b"), default=False),
            number=(number, int(depth)) if number not in {"", "0"} else None,
        )
    return found


def _chain(styles: dict[str, _Style], name: str) -> Iterator[_Style]:
    """A style and those it is based on; a circle ends it."""
    seen: set[str] = set()
    while name in styles and name not in seen:
        seen.add(name)
        yield styles[name]
        name = styles[name].parent


def _notes(package: Package, part: str) -> dict[tuple[str, str], str]:
    """Footnotes and endnotes by kind and id; the separators Word keeps among them have no text."""
    found: dict[tuple[str, str], str] = {}
    for kind in ("footnote", "endnote"):
        root = _first(package, part, f"{kind}s")
        for note in root.iterfind(f"{W}{kind}") if root is not None else ():
            found[kind, note.get(f"{W}id", "")] = _joined(note)
    return found


def _notes_in(reader: _Reader, paragraph: Any) -> Iterator[str]:
    for kind in ("footnote", "endnote"):
        for reference in paragraph.iter(f"{W}{kind}Reference"):
            text = reader.notes.pop((kind, reference.get(f"{W}id", "")), "")
            if text:
                yield text


def _margins(package: Package, part: str, kind: BlockKind) -> Iterator[Block]:
    """Each distinct header or footer once: a file keeps a copy a section."""
    texts = (
        _joined(root) for name in package.related(part, kind) if (root := _part(package, name)) is not None
    )
    for text in dict.fromkeys(texts):
        if text:
            yield Block(kind, text)


def _comments(package: Package, part: str) -> Iterator[Block]:
    """Reviewers' words, marked as not the document's own."""
    root = _first(package, part, "comments")
    for comment in root.iterfind(f"{W}comment") if root is not None else ():
        text, author = _joined(comment), collapse(clean(comment.get(f"{W}author", "")))
        if text:
            yield Block("other", f"{author}: {text}" if author else text)


def _joined(root: Any) -> str:
    return tidy(clean("\n".join(filter(None, (_text(paragraph) for paragraph in root.iter(f"{W}p"))))))
