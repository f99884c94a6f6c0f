"""Small files of each format, built in memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

Draw = Callable[..., None]


@pytest.fixture
def make_pdf() -> Callable[..., bytes]:
    """A PDF with one drawing function a page; each gets the reportlab canvas (origin bottom left, A4)."""
    from reportlab.pdfgen.canvas import Canvas

    def make(*pages: Draw, **options: object) -> bytes:
        out = io.BytesIO()
        canvas = Canvas(out, pagesize=(595, 842), invariant=1, **options)
        for draw in pages:
            draw(canvas)
            canvas.showPage()
        canvas.save()
        return out.getvalue()

    return make


@pytest.fixture
def letter(make_pdf: Callable[..., bytes]) -> bytes:
    """One page: a heading and a paragraph of two lines."""

    def draw(canvas: object) -> None:
        canvas.setFont("Helvetica-Bold", 18)
        canvas.drawString(72, 760, "Engagement letter")
        canvas.setFont("Helvetica", 11)
        canvas.drawString(72, 720, "We will file the annual accounts before the end of March and")
        canvas.drawString(72, 706, "send you a copy on the same day.")

    return make_pdf(draw)


_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@pytest.fixture
def make_docx() -> Callable[..., bytes]:
    """A DOCX from the XML inside its body, and that of further parts by name ("styles", "footnotes")."""

    def make(body: str, **parts: str) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("[Content_Types].xml", "<Types/>")
            archive.writestr(
                "_rels/.rels",
                f'<Relationships><Relationship Id="a" Type="{_R}/officeDocument" Target="word/document.xml"/></Relationships>',
            )
            relations = "".join(
                f'<Relationship Id="{name}" Type="{_R}/{name}" Target="{name}.xml"/>' for name in parts
            )
            archive.writestr("word/_rels/document.xml.rels", f"<Relationships>{relations}</Relationships>")
            archive.writestr("word/document.xml", f"<w:document {_W}><w:body>{body}</w:body></w:document>")
            for name, content in parts.items():
                archive.writestr(f"word/{name}.xml", f"<w:{name} {_W}>{content}</w:{name}>")
        return out.getvalue()

    return make
