"""PDF pages become paragraphs with places; what cannot be read is refused with its reason."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pikepdf
import pytest

from drovi_assets.documents.model import ParsedDocument
from drovi_assets.documents.parse import parse
from drovi_assets.documents.spans import locate
from resources.errors import Invalid

MakePdf = Callable[..., bytes]


def _edited(content: bytes, edit: Callable[[pikepdf.Pdf], None], **options: Any) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(content)) as pdf:
        edit(pdf)
        pdf.save(out, **options)
    return out.getvalue()


def _box_of(document: ParsedDocument, quote: str) -> tuple[float, float, float, float]:
    start = document.text.index(quote)
    page, boxes = locate(document, start, start + len(quote))
    assert page == 1
    assert len(boxes) == 1
    return boxes[0]


def test_headings_open_sections_and_lines_become_paragraphs(letter: bytes) -> None:
    """Larger type is a heading; wrapped lines are joined by a space."""
    title, body = parse(letter, "a.pdf").blocks
    assert (title.kind, title.text, title.section) == ("title", "Engagement letter", "")
    assert body.kind == "paragraph"
    assert body.section == "Engagement letter"
    assert (
        body.text
        == "We will file the annual accounts before the end of March and send you a copy on the same day."
    )


def test_a_quote_is_located_in_points_from_the_top_left(letter: bytes) -> None:
    """Drawn at x 72 with its baseline 720 above the bottom of an 842-point page."""
    x0, y0, _, y1 = _box_of(parse(letter, "a.pdf"), "We will file")
    assert x0 == pytest.approx(72, abs=1)
    assert y0 < 842 - 720 < y1
    assert y1 - y0 < 20


def test_a_quote_over_two_lines_has_a_box_a_line(letter: bytes) -> None:
    """So that a highlight does not cover words outside the quote."""
    document = parse(letter, "a.pdf")
    start = document.text.index("March and send")
    _, boxes = locate(document, start, start + len("March and send"))
    assert len(boxes) == 2
    assert boxes[0][3] <= boxes[1][1] + 4


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation_places_words_where_the_reader_sees_them(letter: bytes, rotation: int) -> None:
    """The same word, at the place that turning the page gives."""
    x0, y0, x1, y1 = _box_of(parse(letter, "a.pdf"), "Engagement")
    turned = parse(_edited(letter, lambda pdf: pdf.pages[0].rotate(rotation, relative=False)), "a.pdf")
    page = turned.pages[0]
    assert (page.width, page.height) == ((595, 842) if rotation == 180 else (842, 595))
    expected = {
        90: (842 - y1, x0, 842 - y0, x1),
        180: (595 - x1, 842 - y1, 595 - x0, 842 - y0),
        270: (y0, 595 - x1, y1, 595 - x0),
    }[rotation]
    assert _box_of(turned, "Engagement") == pytest.approx(expected, abs=0.05)


def test_the_crop_box_is_the_page(letter: bytes) -> None:
    """Places count from the corner of what is displayed, not of the sheet."""
    x0, y0, _, _ = _box_of(parse(letter, "a.pdf"), "Engagement")

    def crop(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].cropbox = [50, 100, 560, 800]

    cropped = parse(_edited(letter, crop), "a.pdf")
    assert (cropped.pages[0].width, cropped.pages[0].height) == (510, 700)
    assert _box_of(cropped, "Engagement")[:2] == pytest.approx((x0 - 50, y0 - 42), abs=0.05)


def test_a_media_box_may_start_anywhere(letter: bytes) -> None:
    """Its origin is taken off."""
    x0, y0, _, _ = _box_of(parse(letter, "a.pdf"), "Engagement")

    def shift(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].mediabox = [-100, -50, 595, 842]

    assert _box_of(parse(_edited(letter, shift), "a.pdf"), "Engagement")[:2] == pytest.approx(
        (x0 + 100, y0), abs=0.05
    )


def _columns(canvas: Any, *, by_rows: bool) -> None:
    canvas.setFont("Helvetica", 10)
    left = [f"left line {n} of running text here" for n in range(1, 9)]
    right = [f"right line {n} of running text here" for n in range(1, 9)]
    rows = (
        [(72, 700 - 12 * n, text) for n, text in enumerate(left)],
        [(330, 700 - 12 * n, text) for n, text in enumerate(right)],
    )
    order = [row for pair in zip(*rows, strict=True) for row in pair] if by_rows else [*rows[1], *rows[0]]
    for x, y, text in order:
        canvas.drawString(x, y, text)


@pytest.mark.parametrize("by_rows", [True, False])
def test_columns_are_read_one_after_the_other(make_pdf: MakePdf, by_rows: bool) -> None:
    """Whether the producer wrote across both, or the right one first."""
    text = parse(make_pdf(lambda canvas: _columns(canvas, by_rows=by_rows)), "a.pdf").text
    assert text.index("left line 8") < text.index("right line 1")
    assert "left line 1 of running text here left line 2" in text


def test_running_headers_and_footers_are_told_apart(make_pdf: MakePdf) -> None:
    """The same words at the edge of several pages, page numbers aside."""

    def draw(number: int) -> Callable[[Any], None]:
        def on(canvas: Any) -> None:
            canvas.drawString(72, 810, "Martin & Associés - Confidential")
            canvas.drawString(72, 600, f"The clause number {'abc'[number]} stands here.")
            canvas.drawString(280, 30, f"Page {number + 1} of 3")

        return on

    blocks = parse(make_pdf(draw(0), draw(1), draw(2)), "a.pdf").blocks
    assert [block.kind for block in blocks] == ["header", "paragraph", "footer"] * 3


def test_list_items_stand_alone(make_pdf: MakePdf) -> None:
    """Each marker begins a block, though the lines follow one another closely."""

    def draw(canvas: Any) -> None:
        for n, text in enumerate(
            [
                "The parties agree that:",
                "(a) rent is due monthly;",
                "(b) repairs are the owner's.",
                "1. Notice is given in writing.",
            ]
        ):
            canvas.drawString(72, 700 - 14 * n, text)

    assert [block.kind for block in parse(make_pdf(draw), "a.pdf").blocks] == [
        "paragraph",
        "list_item",
        "list_item",
        "list_item",
    ]


def test_every_words_range_is_that_word(letter: bytes) -> None:
    """Words tile their block's text: nothing but spaces lies between them."""
    for block in parse(letter, "a.pdf").blocks:
        words = [block.text[word.start : word.end] for word in block.words]
        assert words == block.text.split()


def test_a_scan_is_refused_with_what_to_do(make_pdf: MakePdf) -> None:
    """A page that draws and says nothing needs OCR, and the refusal says that there is none yet."""

    def draw(canvas: Any) -> None:
        canvas.rect(100, 100, 300, 300, fill=1)

    with pytest.raises(Invalid, match="OCR is not available yet") as refusal:
        parse(make_pdf(draw), "scan.pdf")
    assert refusal.value.remedy


def test_a_scanned_page_among_others_is_a_warning(make_pdf: MakePdf) -> None:
    """What can be read is read, and the page that cannot is named."""
    document = parse(
        make_pdf(
            lambda canvas: canvas.drawString(72, 700, "Readable text"),
            lambda canvas: canvas.rect(9, 9, 99, 99),
        ),
        "a.pdf",
    )
    assert document.text == "Readable text"
    assert "page 2" in document.warnings[0]


def test_blank_pages_are_a_warning(make_pdf: MakePdf) -> None:
    """Nothing to read is said, not silently accepted."""
    assert parse(make_pdf(lambda _: None), "a.pdf").warnings == ("The PDF has no text: its pages are blank.",)


def test_an_encrypted_pdf_asks_for_a_copy_without_password(letter: bytes) -> None:
    """Refused by name of the cause, not as damage."""
    locked = _edited(letter, lambda _: None, encryption=pikepdf.Encryption(owner="o", user="u"))
    with pytest.raises(Invalid, match="password"):
        parse(locked, "a.pdf")


def test_a_truncated_pdf_is_recovered_or_refused(letter: bytes) -> None:
    """Cut anywhere, it gives its text or a reason, and never another exception."""

    def text(cut: bytes) -> str:
        try:
            return parse(cut, "a.pdf").text
        except Invalid:
            return ""

    texts = [text(letter[: len(letter) * share // 20]) for share in range(1, 20)]
    assert any("annual accounts" in found for found in texts)


def test_the_same_bytes_give_the_same_document(letter: bytes) -> None:
    """A replay must give the same rows."""
    assert parse(letter, "a.pdf") == parse(letter, "b.pdf")
