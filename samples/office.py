"""Writes the sample bundle's Word and Excel files, the same bytes each time."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from markup import Item, blocks, cells, typeset

if TYPE_CHECKING:
    from docx.document import Document as DocxDocument
    from docx.text.paragraph import Paragraph

ZIP_TIME = (2026, 11, 13, 12, 0, 0)
DOCUMENT_TIME = datetime(2026, 11, 13, 12, 0, 0)  # noqa: DTZ001 - see below
"""Naive, since office files store UTC without saying so."""


def render_docx(item: Item) -> bytes:
    """A Word file with real headings, lists and tables, so that a parser has a structure to find."""
    from docx import Document
    from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK
    from docx.shared import Pt

    document = Document()
    lighten(document)
    document.styles["Normal"].font.name = "Georgia"
    document.styles["Normal"].font.size = Pt(10.5)
    properties = document.core_properties
    properties.author = item.headers.get("author", "Brissac Halden")
    properties.title = item.headers.get("title", PurePosixPath(item.path).stem)
    properties.created = properties.modified = DOCUMENT_TIME
    document.sections[0].header.paragraphs[0].text = item.headers.get("letterhead", "").replace(" | ", " - ")
    document.sections[0].footer.paragraphs[0].text = item.headers.get("footer", "")
    language = item.headers.get("lang", "fr")
    word_styles = {"title": "Title", "heading": "Heading 2", "bullet": "List Bullet"}
    for block in blocks(item.body):
        lines = [typeset(line, language) for line in block.lines]
        if block.kind == "pagebreak":
            document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
        elif block.kind == "table":
            rows = [cells(line) for line in lines]
            table = document.add_table(rows=len(rows), cols=len(rows[0]), style="Table Grid")
            for cell, text in zip(table._cells, (c for row in rows for c in row), strict=True):  # noqa: SLF001 - linear
                cell.text = text.replace("**", "")
        else:
            paragraph = document.add_paragraph(style=word_styles.get(block.kind))
            add_runs(paragraph, "\n".join(lines))
            if block.kind == "right":
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    out = io.BytesIO()
    document.save(out)
    return fixed_zip(out.getvalue())


KEPT_STYLES = {
    "Normal",
    "Title",
    "Heading 2",
    "List Bullet",
    "Header",
    "Footer",
    "Table Grid",
    "Normal Table",
}


def lighten(document: DocxDocument) -> None:
    """Drops what python-docx's template carries for nothing: 800 KB of unused styles and a picture of itself."""
    for style in list(document.styles):
        if style.name not in KEPT_STYLES and not getattr(style, "default", False):
            style.delete()
    for relations in (document.part.rels, document.part.package.rels):
        for key, relation in list(relations.items()):
            if relation.reltype.endswith(("/stylesWithEffects", "/thumbnail", "/customXml")):
                del relations[key]


def add_runs(paragraph: Paragraph, text: str) -> None:
    """Splits `**bold**` and `*italic*` into runs."""
    for piece in re.split(r"(\*\*.+?\*\*|\*.+?\*)", text):
        if piece:
            run = paragraph.add_run(piece.strip("*"))
            run.bold = piece.startswith("**") or None
            run.italic = (piece.startswith("*") and not piece.startswith("**")) or None


def render_xlsx(item: Item) -> bytes:
    """Sheets opened by `## name`, rows as `a | b | c`; cells that read as numbers or ISO dates are typed."""
    from openpyxl import Workbook
    from openpyxl.styles import Font, PatternFill

    book = Workbook()
    book.remove(book.active)
    book.properties.creator = item.headers.get("author", "Brissac Halden")
    book.properties.created = DOCUMENT_TIME
    for part in re.split(r"^## ", item.body, flags=re.MULTILINE)[1:]:
        name, *rows = part.rstrip("\n").split("\n")
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append([spreadsheet_value(cell) for cell in cells(row)])
        for line in sheet.iter_rows():
            heading = str(line[0].value or "").startswith("**")
            for cell in line:
                if isinstance(cell.value, float):
                    cell.number_format = "#,##0.00"
                if heading:
                    cell.value = str(cell.value).strip("*") if cell.value is not None else None
                    cell.font = Font(bold=True)
                    cell.fill = PatternFill("solid", fgColor="E9EDF3")
        for column in sheet.columns:
            sheet.column_dimensions[column[0].column_letter].width = min(
                60, max(len(str(cell.value or "")) for cell in column) + 2
            )
    out = io.BytesIO()
    book.save(out)
    return fixed_zip(out.getvalue())


def spreadsheet_value(cell: str) -> str | float | datetime | None:
    """`1234.50` is a number, `2026-03-31` a date, an account code such as `0400` a text."""
    if re.fullmatch(r"-?\d+\.\d\d", cell):
        return float(cell)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", cell):
        return datetime.fromisoformat(cell)
    return cell or None


def fixed_zip(data: bytes) -> bytes:
    """The same archive with one fixed time everywhere, its members stored in name order."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as new:
        # [Content_Types].xml sorts before every folder, as the readers want it.
        for name in sorted(old.namelist()):
            content = old.read(name)
            if name == "docProps/core.xml":
                # openpyxl stamps the hour of the save whatever its properties say.
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2026-11-13T12:00:00Z", content)
            new.writestr(zipfile.ZipInfo(name, ZIP_TIME), content)
    return out.getvalue()
