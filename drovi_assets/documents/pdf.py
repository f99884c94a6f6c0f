"""PDF with a text layer: pages, paragraphs, headings, running headers and footers, each word in its place.

Scans are refused here with their reason until the OCR of a later release reads them.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from drovi_assets.documents.model import Block, BlockKind, Page, ParsedDocument, Word
from drovi_assets.documents.pdf_layout import Paragraph, paragraphs
from drovi_assets.documents.pdf_words import PageText, read_page
from drovi_assets.documents.text import clean, collapse, is_shouted, language
from resources.errors import Invalid

MEDIA_TYPE = "application/pdf"

_NUMBERED = re.compile(
    r"(?:article|section|chapitre|chapter|titre|title|annexe|annex|appendix|schedule|exhibit|part|partie)\s+(?:[ivxlc]+|\d+|[a-z])\b",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+|\b[ivxlc]+\b")
_PRODUCER_PREFIX = re.compile(r"^Microsoft \w+ - ")


def parse_pdf(content: bytes) -> ParsedDocument:
    """Read a PDF's text layer.

    Raises:
        Invalid: encrypted, damaged beyond recovery, or without a readable text layer.
    """
    pdf, warnings = _open(content)
    try:
        pages, pictured = _read(pdf, warnings)
        metadata, title = _metadata(pdf)
    finally:
        pdf.close()
    _refuse_scan(pages, pictured, warnings)
    layouts = [[] if page.unreadable else paragraphs(page.lines) for page in pages]
    blocks = _blocks(pages, layouts)
    return ParsedDocument(
        media_type=MEDIA_TYPE,
        blocks=tuple(blocks),
        pages=tuple(
            Page(n, round(page.width, 2), round(page.height, 2)) for n, page in enumerate(pages, start=1)
        ),
        title=title,
        language=language(" ".join(block.text for block in blocks[:200])),
        warnings=tuple(warnings),
        metadata=metadata,
    )


def _open(content: bytes) -> tuple[Any, list[str]]:
    """The pypdfium2 document, mended by pikepdf (qpdf) where pdfium refuses the file."""
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(content), []
    except pypdfium2.PdfiumError as error:
        reason = str(error)
    if "password" in reason.lower() or "security" in reason.lower():
        raise Invalid(
            "The PDF is protected by a password.", remedy="Save a copy without the password and add that."
        )
    try:
        return pypdfium2.PdfDocument(_mended(content)), [
            "The file is damaged; what could be recovered was read."
        ]
    except pypdfium2.PdfiumError:
        raise Invalid(
            "The PDF is damaged and could not be recovered.", remedy="Export or download it again."
        ) from None


def _mended(content: bytes) -> bytes:
    import pikepdf

    out = io.BytesIO()
    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            pdf.save(out)
    except pikepdf.PasswordError:
        raise Invalid(
            "The PDF is protected by a password.", remedy="Save a copy without the password and add that."
        ) from None
    except (pikepdf.PdfError, ValueError, RuntimeError):
        raise Invalid(
            "The PDF is damaged and could not be recovered.", remedy="Export or download it again."
        ) from None
    return out.getvalue()


def _read(pdf: Any, warnings: list[str]) -> tuple[list[PageText], list[bool]]:
    """Every page's text, and whether it draws anything at all (a scan draws, a blank page does not)."""
    import pypdfium2

    pages: list[PageText] = []
    draws: list[bool] = []
    for number in range(1, len(pdf) + 1):
        try:
            page = pdf[number - 1]
        except pypdfium2.PdfiumError:
            warnings.append(f"Page {number} is damaged and was left out.")
            pages.append(PageText(0.0, 0.0, [], 0, 0))
            draws.append(False)
            continue
        try:
            pages.append(read_page(page))
            draws.append(bool(pages[-1].lines) or _draws(page))
        finally:
            page.close()
    return pages, draws


def _draws(page: Any) -> bool:
    import pypdfium2.raw as pdfium_c

    return int(pdfium_c.FPDFPage_CountObjects(page.raw)) > 0


def _refuse_scan(pages: Sequence[PageText], draws: Sequence[bool], warnings: list[str]) -> None:
    """Refuse a document with no readable page; warn about the pages that have none."""
    unreadable = [n for n, page in enumerate(pages, start=1) if page.unreadable]
    silent = [
        n
        for n, (page, drawn) in enumerate(zip(pages, draws, strict=True), start=1)
        if drawn and not page.lines
    ]
    if len(unreadable) + len(silent) == 0:
        if not any(page.lines for page in pages):
            warnings.append("The PDF has no text: its pages are blank.")
        return
    if not any(page.lines and not page.unreadable for page in pages):
        what = "Its text layer is unreadable" if unreadable else "The PDF is a scan without a text layer"
        raise Invalid(
            f"{what}, and OCR is not available yet.",
            remedy="Add a copy with a text layer (run OCR on it first).",
        )
    if silent:
        warnings.append(
            f"No text layer on {_listed(silent)}: scanned or drawn pages are not read, since OCR is not available yet."
        )
    if unreadable:
        warnings.append(f"The text layer of {_listed(unreadable)} is unreadable and was left out.")


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:10]))
    more = f" and {len(numbers) - 10} more" if len(numbers) > 10 else ""
    return f"page{'s' if len(numbers) > 1 else ''} {shown}{more}"


def _metadata(pdf: Any) -> tuple[dict[str, object], str]:
    """What the file says about itself, as JSON values, and its title ("" where it is a producer's default)."""
    said = {
        key.lower(): collapse(clean(value)) for key, value in pdf.get_metadata_dict(skip_empty=True).items()
    }
    title = _PRODUCER_PREFIX.sub("", said.pop("title", ""))
    return dict(said), "" if title.lower() in {"untitled", "sans titre", "pdf", "document"} else title


# --- from paragraphs to blocks -------------------------------------------------------------------


@dataclass(slots=True)
class _Type:
    """The document's body type: the size most characters are set in, and whether they are bold."""

    size: float
    bold: bool


def _blocks(pages: Sequence[PageText], layouts: Sequence[Sequence[Paragraph]]) -> list[Block]:
    body = _body_type(layouts)
    known = _vocabulary(layouts)
    running = _running(pages, layouts)
    blocks: list[Block] = []
    section = ""
    for number, layout in enumerate(layouts, start=1):
        for at, paragraph in enumerate(layout):
            text, words = _compose(paragraph, known)
            kind = running.get((number, at)) or _kind(paragraph, text, body)
            blocks.append(Block(kind, text, number, (paragraph.box,), section, tuple(words)))
            if kind == "title":
                section = collapse(text)
    return blocks


def _body_type(layouts: Iterable[Iterable[Paragraph]]) -> _Type:
    sizes: Counter[tuple[float, bool]] = Counter()
    for layout in layouts:
        for paragraph in layout:
            for line in paragraph.lines:
                sizes[round(line.size * 2) / 2, line.bold] += 5 * len(line.words)
    if not sizes:
        return _Type(12.0, bold=False)
    (size, bold), _ = sizes.most_common(1)[0]
    return _Type(size, bold)


def _kind(paragraph: Paragraph, text: str, body: _Type) -> BlockKind:
    if _is_title(paragraph, text, body):
        return "title"
    return "list_item" if paragraph.marked else "paragraph"


def _is_title(paragraph: Paragraph, text: str, body: _Type) -> bool:
    """Few words that stand out: larger, bolder, in capitals, or numbered as articles and sections are."""
    words = sum(len(line.words) for line in paragraph.lines)
    letters = sum(map(str.isalpha, text))
    if len(paragraph.lines) > 3 or words > 25 or letters < 3 or letters < len(text) / 3 or paragraph.tabular:
        return False
    if paragraph.size >= 1.15 * body.size:
        return True
    if words > 14 or text.endswith((",", ";", ".", ":")) or paragraph.size < 0.9 * body.size:
        return False
    bold = all(line.bold for line in paragraph.lines) and not body.bold
    return bold or is_shouted(text) or (words <= 12 and _NUMBERED.match(text) is not None)


def _running(
    pages: Sequence[PageText], layouts: Sequence[Sequence[Paragraph]]
) -> dict[tuple[int, int], BlockKind]:
    """Headers and footers: what stands in the outer eighth of several pages with the same words, numbers aside."""
    seen: dict[tuple[str, BlockKind], list[tuple[int, int]]] = {}
    for number, (page, layout) in enumerate(zip(pages, layouts, strict=True), start=1):
        for at, paragraph in enumerate(layout):
            if len(paragraph.lines) > 4:
                continue
            kind: BlockKind | None = (
                "header"
                if paragraph.y1 < page.height / 8
                else "footer"
                if paragraph.y0 > page.height * 7 / 8
                else None
            )
            if kind is not None:
                key = _DIGITS.sub("#", " ".join(line.text for line in paragraph.lines).lower())
                seen.setdefault((key, kind), []).append((number, at))
    enough = max(2, round(0.3 * len(pages)))
    return {
        place: kind
        for (_, kind), places in seen.items()
        if len({number for number, _ in places}) >= enough
        for place in places
    }


def _vocabulary(layouts: Iterable[Iterable[Paragraph]]) -> frozenset[str]:
    """All words of the document, in small letters, where a broken word asks for them; empty otherwise."""
    every = [line for layout in layouts for paragraph in layout for line in paragraph.lines]
    if not any(line.hyphenated for line in every):
        return frozenset()
    return frozenset(word.strip(".,;:()[]«»\"'").lower() for line in every for word, _ in line.words)


def _compose(paragraph: Paragraph, known: frozenset[str]) -> tuple[str, list[Word]]:
    """The paragraph's text and its words' places in it; a table's rows keep their line ends."""
    between = "\n" if paragraph.tabular else " "
    parts: list[str] = []
    words: list[Word] = []
    at = 0
    for index, line in enumerate(paragraph.lines):
        for token, box in line.words:
            words.append(Word(at, at + len(token), box))
            parts.append(token)
            parts.append(" ")
            at += len(token) + 1
        following = paragraph.lines[index + 1] if index + 1 < len(paragraph.lines) else None
        parts[-1] = between
        if line.hyphenated:
            parts[-1] = _joint(line.words[-1][0], following.words[0][0] if following else "", known)
            at += len(parts[-1]) - 1
    if not paragraph.lines[-1].hyphenated:
        parts.pop()
    return "".join(parts), words


def _joint(before: str, after: str, known: frozenset[str]) -> str:
    """What stood at a line's end inside a word: its own hyphen, or one that only the line end asked for.

    pdfium tells the two apart no more than the page does, so the document's other words decide; unknown
    words are joined, unless they are no plain words or already hold a hyphen.
    """
    whole = (before + after).lower().strip(".,;:()[]«»\"'")
    if whole in known:
        return ""
    if (
        f"{before}-{after}".lower().strip(".,;:()[]«»\"'") in known
        or not after[:1].islower()
        or not before.isalpha()
    ):
        return "-"
    return ""
