"""Spreadsheets by sheet and table, presentations by slide."""

from __future__ import annotations

import io
from datetime import datetime

import openpyxl
from pptx import Presentation
from pptx.util import Inches

from drovi_assets.documents.parse import parse


def test_each_sheet_is_a_section_and_each_run_of_rows_a_table() -> None:
    """Dates and whole numbers read as a person writes them; empty columns are dropped."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Fees"
    for row in (
        ["Item", None, "Due", "Amount"],
        ["Audit", None, datetime(2025, 3, 31), 1200.0],  # noqa: DTZ001 -- spreadsheets know no zone
        [],
        ["Total", None, None, 0.1 + 0.2],
    ):
        sheet.append(row)
    book.create_sheet("Empty")
    out = io.BytesIO()
    book.save(out)
    blocks = parse(out.getvalue(), "a.xlsx").blocks
    assert [(b.kind, b.text, b.section) for b in blocks] == [
        ("title", "Fees", ""),
        ("table", "Item | Due | Amount\nAudit | 2025-03-31 | 1200", "Fees"),
        ("table", "Total | 0.3", "Fees"),
    ]


def test_slides_are_pages_with_notes() -> None:
    """Shapes in the order one sees them, grouped ones too, then what the speaker says."""
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Strategy"
    slide.shapes.add_textbox(Inches(1), Inches(5), Inches(2), Inches(1)).text_frame.text = "below"
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(Inches(1), Inches(2), Inches(2), Inches(1)).text_frame.text = "above"
    slide.notes_slide.notes_text_frame.text = "Say it slowly."
    out = io.BytesIO()
    deck.save(out)
    document = parse(out.getvalue(), "a.pptx")
    assert [(b.page, b.text) for b in document.blocks] == [
        (1, "Strategy"),
        (1, "above"),
        (1, "below"),
        (1, "Say it slowly."),
    ]
    assert (document.pages[0].width, document.pages[0].height) == (720, 540)
