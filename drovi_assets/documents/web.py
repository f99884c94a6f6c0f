"""HTML: the blocks a reader sees, in order, with headings as sections and data tables kept as tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Any

from drovi_assets.documents import sniff
from drovi_assets.documents.charset import decode
from drovi_assets.documents.model import Block, BlockKind, ParsedDocument
from drovi_assets.documents.text import clean, collapse, language, tidy

_SKIPPED_TAGS = (
    "script style noscript template head title svg math select option iframe object audio video canvas"
)
_SKIPPED = frozenset(_SKIPPED_TAGS.split())
_KINDS: dict[str, BlockKind] = {
    **{f"h{level}": "title" for level in range(1, 7)},
    "li": "list_item", "dt": "list_item", "dd": "list_item", "pre": "code",
    "caption": "caption", "figcaption": "caption", "nav": "header", "blockquote": "paragraph",
}  # fmt: skip
_BREAKING_TAGS = (
    "address article aside body center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr "
    "html li main nav ol p pre section summary table tbody td tfoot th thead tr ul caption blockquote"
)
_BREAKING = frozenset(_BREAKING_TAGS.split())
_CHARSET = re.compile(rb"""<meta[^>]+charset=["']?\s*([\w-]+)""", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
_LONG_CELL = 400
"""A table with longer cells than this lays out a page; its cells are read as ordinary text."""


@dataclass(frozen=True, slots=True)
class Markup:
    """What was read: blocks, the page's own title, its declared language."""

    blocks: tuple[Block, ...]
    title: str
    language: str


def parse_html(content: bytes) -> ParsedDocument:
    """Read an HTML file; one without any markup it understands gives a document without blocks."""
    declared = _CHARSET.search(content[:4096])
    decoded = decode(content, declared[1].decode("ascii", "replace") if declared else "")
    read = read_html(clean(decoded.text))
    warnings = () if decoded.exact else ("Some bytes are in no known character set and were replaced.",)
    spoken = language(" ".join(block.text for block in read.blocks[:100])) or read.language
    return ParsedDocument(sniff.HTML, read.blocks, title=read.title, language=spoken, warnings=warnings)


def read_html(markup: str) -> Markup:
    """The blocks of a cleaned HTML text."""
    from lxml import etree, html

    if not markup.strip():
        return Markup((), "", "")
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True)
    try:
        # lxml refuses text with an encoding declaration, so it gets bytes whose encoding is known
        root = html.document_fromstring(markup.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return Markup((), "", "")
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        # libxml2 drops what lies 2,048 elements deep, and says so only here: losing structure beats losing text
        return Markup(tuple(_without_tags(markup)), "", "")
    title = root.findtext(".//head/title") or ""
    spoken = (root.get("lang") or "").lower()[:2]
    return Markup(tuple(_Reader().read(root)), collapse(title), spoken if spoken.isalpha() else "")


def _without_tags(markup: str) -> Iterator[Block]:
    visible = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>|<!--.*?-->", " ", markup)
    text = collapse(unescape(re.sub(r"<[^>]*>", " ", visible)))
    if text:
        yield Block("paragraph", text)


@dataclass(slots=True)
class _Reader:
    """Walks the tree once, without recursion, and cuts a block at every element that breaks a line."""

    blocks: list[Block] = field(default_factory=list)
    buffer: list[str] = field(default_factory=list)
    kinds: list[BlockKind] = field(default_factory=list)
    section: str = ""
    quoted: int = 0

    def read(self, root: Any) -> list[Block]:
        stack: list[tuple[Any, bool]] = [(root, False)]
        while stack:
            element, leaving = stack.pop()
            if leaving:
                self._leave(element)
                continue
            if not self._enter(element):
                self._text(element.tail)
                continue
            stack.append((element, True))
            stack.extend((child, False) for child in reversed(element))
        self._flush()
        return self.blocks

    def _enter(self, element: Any) -> bool:
        """Take an element's own text; False where its inside is not walked (comments, scripts, tables of data)."""
        tag = element.tag
        if not isinstance(tag, str) or tag in _SKIPPED or _hidden(element):
            return False
        if tag == "br":
            self.buffer.append("\n")
            return False
        if tag == "table" and _is_data(element):
            self._flush()
            self._table(element)
            return False
        if tag in _BREAKING:
            self._flush()
        if tag in _KINDS:
            self.kinds.append(_KINDS[tag])
        self.quoted += _is_quote(element)
        self._text(element.text)
        return True

    def _leave(self, element: Any) -> None:
        tag = element.tag
        if tag in _BREAKING:
            self._flush()
        elif (
            tag in {"span", "a"}
            and self.buffer
            and not self.buffer[-1].endswith((" ", "\n"))
            and _is_block_styled(element)
        ):
            self.buffer.append("\n")
        if tag in _KINDS:
            self.kinds.pop()
        self.quoted -= _is_quote(element)
        self._text(element.tail)

    def _text(self, text: str | None) -> None:
        if text:
            code = bool(self.kinds) and self.kinds[-1] == "code"
            self.buffer.append(text if code else re.sub(r"\s+", " ", text))

    def _flush(self) -> None:
        text = "".join(self.buffer)
        self.buffer.clear()
        kind: BlockKind = self.kinds[-1] if self.kinds else "paragraph"
        text = text.strip("\n") if kind == "code" else tidy(text)
        if text.strip():
            self._add(kind, text)

    def _add(self, kind: BlockKind, text: str, html: str = "") -> None:
        self.blocks.append(Block("other" if self.quoted else kind, text, section=self.section, html=html))
        if kind == "title" and not self.quoted:
            self.section = collapse(text)

    def _table(self, element: Any) -> None:
        caption = next(iter(element.iter("caption")), None)
        if caption is not None and collapse("".join(caption.itertext())):
            self._add("caption", collapse("".join(caption.itertext())))
        rows = table_rows(element)
        text = "\n".join(" | ".join(row) for row in rows)
        if text.strip(" |\n"):
            self._add("table", text, _plain_table(rows))


def table_rows(table: Any) -> list[list[str]]:
    """The cells' texts, row by row; rows without any text are left out."""
    rows = [
        [collapse(" ".join(_visible(cell))) for cell in row if cell.tag in {"td", "th"}]
        for row in table.iter("tr")
    ]
    return [row for row in rows if any(row)]


def _visible(cell: Any) -> Iterator[str]:
    for element in cell.iter():
        if isinstance(element.tag, str) and element.tag not in _SKIPPED and element.text:
            yield element.text
        if element is not cell and element.tail:
            yield element.tail


def _plain_table(rows: list[list[str]]) -> str:
    return (
        "<table>"
        + "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        + "</table>"
    )


def _is_data(table: Any) -> bool:
    """Rows and columns of short cells; a table around other tables, or around pages of text, is layout."""
    if next(table.iterdescendants("table"), None) is not None:
        return False
    rows = table_rows(table)
    if not rows or max(map(len, rows)) < 2:
        return False
    return all(len(cell) <= _LONG_CELL for row in rows for cell in row)


def _hidden(element: Any) -> bool:
    style = element.get("style")
    return element.get("hidden") is not None or (style is not None and _HIDDEN.search(style) is not None)


def _is_block_styled(element: Any) -> bool:
    return "display:block" in (element.get("style") or "").replace(" ", "")


def _is_quote(element: Any) -> bool:
    """Where mail programs put the message that is answered."""
    marks = f"{element.get('class') or ''} {element.get('id') or ''}"
    return (
        "gmail_quote" in marks
        or "moz-cite" in marks
        or "yahoo_quoted" in marks
        or element.get("type") == "cite"
        or "divRplyFwdMsg" in marks
    )
