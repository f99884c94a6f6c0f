"""DOCX and mail files with fixed dates and boundaries, so that they are the same bytes each time."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING

from golden_datasets.cases import DocumentTruth, TrueBlock

if TYPE_CHECKING:
    from docx.document import Document as Docx

Part = tuple[str, str | Sequence[Sequence[str]]]
"""A kind of block and its text, or a table's rows."""

_EPOCH = (2025, 1, 1, 0, 0, 0)


def docx(parts: Sequence[Part]) -> tuple[bytes, DocumentTruth]:
    """A Word file of titles ("title 1", "title 2"), paragraphs, list items and tables."""
    from docx import Document

    document = Document()
    document.core_properties.created = document.core_properties.modified = datetime(2025, 1, 1, tzinfo=UTC)
    blocks: list[TrueBlock] = []
    section = ""
    for kind, content in parts:
        blocks.append(_add(document, kind, content, section))
        if kind.startswith("title"):
            section = blocks[-1].text
    buffer = io.BytesIO()
    document.save(buffer)
    return _without_dates(buffer.getvalue()), DocumentTruth(blocks=tuple(blocks))


def _add(document: Docx, kind: str, content: str | Sequence[Sequence[str]], section: str) -> TrueBlock:
    if not isinstance(content, str):
        table = document.add_table(rows=len(content), cols=len(content[0]))
        for row, values in zip(table.rows, content, strict=True):
            for cell, value in zip(row.cells, values, strict=True):
                cell.text = value
        text = "\n".join(" ".join(values) for values in content)
        return TrueBlock(kind="table", text=text, section=section)
    if kind.startswith("title"):
        document.add_heading(content, level=int(kind.split()[1]))
        return TrueBlock(kind="title", text=content, section=section)
    if kind == "list_item":
        document.add_paragraph(content, style="List Bullet")
        return TrueBlock(kind="list_item", text=content, section=section)
    document.add_paragraph(content)
    return TrueBlock(kind="paragraph", text=content, section=section)


def _without_dates(content: bytes) -> bytes:
    """The same archive with every entry dated alike: python-docx stamps the time of writing."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(name))
    return out.getvalue()


def mail(
    headers: dict[str, str], paragraphs: Sequence[str], attachment: tuple[str, bytes] | None = None
) -> tuple[bytes, DocumentTruth]:
    """A mail file with a plain body; ``attachment`` is a name and the bytes of a PDF."""
    message = EmailMessage(policy=SMTP)
    for name, value in headers.items():
        message[name] = value
    message.set_content("\n\n".join(paragraphs) + "\n", cte="quoted-printable")
    if attachment is not None:
        name, content = attachment
        message.add_attachment(content, maintype="application", subtype="pdf", filename=name)
        message.set_boundary("=_golden_boundary_1")
    truth = DocumentTruth(
        blocks=(
            TrueBlock(kind="title", text=headers["Subject"]),
            *(TrueBlock(kind="paragraph", text=text, section=headers["Subject"]) for text in paragraphs),
        ),
        metadata={"subject": headers["Subject"]},
        attachments=(attachment[0],) if attachment else (),
    )
    return message.as_bytes(), truth


def mbox(messages: Sequence[tuple[bytes, DocumentTruth]]) -> tuple[bytes, DocumentTruth]:
    """A mailbox; its truth is that of its messages, each of which is a document of its own."""
    lines = [
        b"From golden@example.org Wed Jan  1 00:00:00 2025\n" + raw.replace(b"\r\n", b"\n")
        for raw, _ in messages
    ]
    blocks = tuple(block for _, truth in messages for block in truth.blocks)
    names = tuple(str(truth.metadata["subject"]) for _, truth in messages)
    return b"\n".join(lines), DocumentTruth(blocks=blocks, attachments=names)
