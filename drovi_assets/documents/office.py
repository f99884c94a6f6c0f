"""Spreadsheets and presentations (XLSX, PPTX)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

from drovi_assets.documents import archive, sniff
from drovi_assets.documents.model import Block, Page, ParsedDocument
from drovi_assets.documents.plain import table_blocks
from drovi_assets.documents.text import clean, collapse, language, tidy

_EMU_PER_POINT = 12_700
_MAX_COLUMNS = 256
"""Formatting alone can stretch a sheet to its last column; nobody fills more than this."""
_MAX_CELLS = 2_000_000


def parse_xlsx(content: bytes) -> ParsedDocument:
    """Each sheet is a section; rows between empty rows are a table. Formulas give their last computed value.

    Raises:
        Invalid: damaged, or a decompression bomb.
    """
    import openpyxl

    archive.check(content)
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    blocks: list[Block] = []
    warnings: list[str] = []
    try:
        for sheet in book.worksheets:
            name = collapse(clean(sheet.title))
            blocks.append(Block("title", name))
            read = list(_tables(sheet, warnings))
            if read:
                for rows in read:
                    blocks.extend(table_blocks(rows, section=name))
            else:
                blocks.pop()
    finally:
        book.close()
    return _document(sniff.XLSX, blocks, title=archive.Package(content).title(), warnings=warnings)


def _tables(sheet: Any, warnings: list[str]) -> Iterator[list[list[str]]]:
    table: list[list[str]] = []
    cells = 0
    for values in sheet.iter_rows(values_only=True, max_col=_MAX_COLUMNS):
        row = [_shown(value) for value in values]
        cells += len(row)
        if cells > _MAX_CELLS:
            warnings.append(f"The sheet {sheet.title} is very large; only its first rows were read.")
            break
        if any(row):
            table.append(row)
        elif table:
            yield _trimmed(table)
            table = []
    if table:
        yield _trimmed(table)


def _trimmed(table: list[list[str]]) -> list[list[str]]:
    """Without the columns that are empty in the whole table."""
    used = [at for at in range(max(map(len, table))) if any(at < len(row) and row[at] for row in table)]
    return [[row[at] if at < len(row) else "" for at in used] for row in table]


def _shown(value: object) -> str:
    """A cell as one would read it aloud: dates without a midnight, whole floats without a zero."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}"
    return collapse(clean(str(value)))


def parse_pptx(content: bytes) -> ParsedDocument:
    """A slide is a page: its number counts, its size is the deck's; shapes have no boxes. Notes follow their slide.

    Raises:
        Invalid: damaged, or a decompression bomb.
    """
    from pptx import Presentation

    archive.check(content)
    deck = Presentation(io.BytesIO(content))
    width, height = (round((side or 0) / _EMU_PER_POINT, 2) for side in (deck.slide_width, deck.slide_height))
    pages: list[Page] = []
    blocks: list[Block] = []
    for number, slide in enumerate(deck.slides, start=1):
        pages.append(Page(number, width, height))
        blocks.extend(_slide(slide, number))
    return _document(sniff.PPTX, blocks, tuple(pages), title=archive.Package(content).title())


def _slide(slide: Any, number: int) -> Iterator[Block]:
    """Title first, then top to bottom and left to right, as placed; then the speaker's notes."""
    heading = slide.shapes.title
    section = tidy(clean(heading.text_frame.text)) if heading is not None else ""
    if section:
        yield Block("title", section, number)
    section = collapse(section)
    for shape in sorted(_shapes(slide.shapes), key=lambda shape: (shape.top or 0, shape.left or 0)):
        if heading is None or shape.shape_id != heading.shape_id:
            yield from _shape(shape, number, section)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = tidy(clean(slide.notes_slide.notes_text_frame.text))
        if notes:
            yield Block("paragraph", notes, number, section=section)


def _shapes(shapes: Any) -> Iterator[Any]:
    """Groups opened, at any depth."""
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        else:
            yield shape


def _shape(shape: Any, number: int, section: str) -> Iterator[Block]:
    if getattr(shape, "has_table", False):
        rows = [[collapse(clean(cell.text_frame.text)) for cell in row.cells] for row in shape.table.rows]
        for block in table_blocks([row for row in rows if any(row)], section=section):
            yield Block("table", block.text, number, section=section, html=block.html)
    elif getattr(shape, "has_text_frame", False):
        paragraphs = [tidy(clean(paragraph.text)) for paragraph in shape.text_frame.paragraphs]
        paragraphs = [text for text in paragraphs if text]
        for text in paragraphs:
            yield Block("list_item" if len(paragraphs) > 1 else "paragraph", text, number, section=section)
    else:
        text = tidy(clean("\n".join(part.text or "" for part in shape.element.iter("{*}t"))))
        if text:
            yield Block("paragraph", text, number, section=section)


def _document(
    media_type: str,
    blocks: list[Block],
    pages: tuple[Page, ...] = (),
    *,
    title: str,
    warnings: list[str] | None = None,
) -> ParsedDocument:
    spoken = language(" ".join(block.text for block in blocks[:200]))
    return ParsedDocument(
        media_type, tuple(blocks), pages, title=title, language=spoken, warnings=tuple(warnings or ())
    )
