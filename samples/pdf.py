"""Writes the sample bundle's PDFs: digital text on A4, a letterhead, numbered clauses, ruled tables."""

from __future__ import annotations

import io
import re
from html import escape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from markup import Item, blocks, cells, typeset

if TYPE_CHECKING:
    from collections.abc import Iterator


FRAME_PADDING = 6
"""Points that reportlab's frame adds inside its margins; tables ignore it, paragraphs do not."""


def render_pdf(item: Item) -> bytes:
    """A4, built-in Times and Helvetica in WinAnsi: accents, œ, € and « » stay extractable on any machine."""
    from reportlab import rl_config
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus import SimpleDocTemplate

    rl_config.invariant = 1
    out = io.BytesIO()
    name, *address = item.headers.get("letterhead", "").split(" | ")
    footer = typeset(item.headers.get("footer", ""), item.headers.get("lang", "fr"))

    def furniture(canvas: Canvas, _doc: SimpleDocTemplate) -> None:
        canvas.saveState()
        width, height = A4
        if name and canvas.getPageNumber() == 1:
            canvas.setFillColorRGB(0.13, 0.2, 0.33)
            canvas.setFont("Helvetica-Bold", 14)
            canvas.drawString(25 * mm, height - 20 * mm, name)
            canvas.setFont("Helvetica", 7.5)
            for number, line in enumerate(address):
                canvas.drawRightString(width - 25 * mm, height - (16 + 3.6 * number) * mm, line)
            canvas.setLineWidth(0.6)
            canvas.line(25 * mm, height - 29 * mm, width - 25 * mm, height - 29 * mm)
        canvas.setFillColorRGB(0.35, 0.35, 0.35)
        canvas.setFont("Helvetica", 7.5)
        canvas.drawString(25 * mm, 14 * mm, footer)
        canvas.drawRightString(width - 25 * mm, 14 * mm, str(canvas.getPageNumber()))
        canvas.restoreState()

    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=25 * mm - FRAME_PADDING,
        rightMargin=25 * mm - FRAME_PADDING,
        topMargin=(36 if name else 25) * mm,
        bottomMargin=24 * mm,
        title=item.headers.get("title", PurePosixPath(item.path).stem),
        author=name or "Brissac Halden",
        lang=item.headers.get("lang", "fr"),
        pageCompression=0,
    )
    document.build(list(pdf_flowables(item)), onFirstPage=furniture, onLaterPages=furniture)
    return out.getvalue()


def pdf_flowables(item: Item) -> Iterator[object]:
    """The blocks of one item as reportlab flowables."""
    from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import PageBreak, Paragraph, Spacer

    base = ParagraphStyle("base", fontName="Times-Roman", fontSize=10.5, leading=13.8, spaceAfter=7)
    styles = {
        "paragraph": ParagraphStyle("paragraph", base, alignment=TA_JUSTIFY),
        "bullet": ParagraphStyle("bullet", base, leftIndent=14, bulletIndent=3, spaceAfter=4),
        "title": ParagraphStyle(
            "title", base, fontName="Times-Bold", fontSize=15, leading=19, alignment=TA_CENTER, spaceAfter=12
        ),
        "heading": ParagraphStyle(
            "heading", base, fontName="Times-Bold", fontSize=11.5, spaceBefore=7, keepWithNext=1
        ),
        "right": ParagraphStyle("right", base, leftIndent=235, spaceAfter=12),
        "left": ParagraphStyle("left", base, spaceAfter=12),
    }
    language = item.headers.get("lang", "fr")
    for block in blocks(item.body):
        if block.kind == "pagebreak":
            yield PageBreak()
        elif block.kind == "table":
            yield pdf_table(
                [cells(inline_markup(line, language)) for line in block.lines], item.headers.get("widths")
            )
            yield Spacer(1, 8)
        else:
            text = "<br/>".join(inline_markup(line, language) for line in block.lines)
            bullet = "•" if block.kind == "bullet" else None
            yield Paragraph(text, styles[block.kind], bulletText=bullet)


def inline_markup(line: str, language: str) -> str:
    """`**bold**` and `*italic*` as reportlab tags."""
    line = escape(typeset(line, language), quote=False)
    line = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", line)
    return re.sub(r"\*(.+?)\*", r"<i>\1</i>", line)


def pdf_table(rows: list[list[str]], widths: str | None) -> object:
    """A ruled table; `widths` gives the columns in millimetres.

    Figures align right, and so does the head of a column that ends in one.
    """
    from reportlab.lib.enums import TA_RIGHT
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import mm
    from reportlab.platypus import Paragraph, Table

    plain = ParagraphStyle("cell", fontName="Helvetica", fontSize=8.5, leading=11)
    figures = ParagraphStyle("figures", plain, alignment=TA_RIGHT)
    figure = re.compile(r"(?:<b>)?(?!\d\.\d$)[(-]?[€£]?[\d\s.,]+[)]?\s?[€%]?(?:</b>)?$")
    count = len(rows[0])
    columns = [float(w) * mm for w in widths.split()] if widths else [160 * mm / count] * count
    if len(columns) != count:
        columns = [160 * mm / count] * count
    last = rows[-1]
    data = [
        [
            Paragraph(
                cell, figures if figure.match(cell) or (row is rows[0] and figure.match(below)) else plain
            )
            for cell, below in zip(row, last, strict=True)
        ]
        for row in rows
    ]
    rules = [
        ("GRID", (0, 0), (-1, -1), 0.4, "#8A94A6"),
        ("BACKGROUND", (0, 0), (-1, 0), "#E9EDF3"),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
    return Table(data, colWidths=columns, style=rules, repeatRows=1)
