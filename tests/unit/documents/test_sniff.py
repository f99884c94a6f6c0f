"""The bytes say what a file is, whatever its name says."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from drovi_assets.documents import sniff


def _zip(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "<x/>")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"", "a.pdf", sniff.EMPTY),
        (b"junk\n%PDF-1.7\n", "a.docx", sniff.PDF),
        (_zip("[Content_Types].xml", "word/document.xml"), "a.zip", sniff.DOCX),
        (_zip("[Content_Types].xml", "xl/workbook.xml"), "a.docx", sniff.XLSX),
        (_zip("[Content_Types].xml", "ppt/presentation.xml"), "", sniff.PPTX),
        (_zip("photos/a.jpg"), "a.docx", "application/zip"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "scan.pdf", "image/png"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "scan.txt", "image/jpeg"),
        (b"{\\rtf1 hello}", "a.txt", "application/rtf"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"),
            "a.txt",
            "application/msword",
        ),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "a.docx",
            sniff.ENCRYPTED_OFFICE,
        ),
        (bytes(range(32)) * 10, "a.txt", sniff.BINARY),
        (b"<!-- x --><!DOCTYPE html><p>a", "a.txt", sniff.HTML),
        (b"# Title\n", "a.md", sniff.MARKDOWN),
        (b"a;b\n1;2\n", "a.csv", sniff.CSV),
        (b"BM25 ranks them.", "a.txt", sniff.TEXT),
        ("Élan".encode("utf-16"), "a.txt", sniff.TEXT),
    ],
)
def test_the_bytes_decide(content: bytes, name: str, expected: str) -> None:
    """Magic numbers and archive members win over the extension."""
    assert sniff.sniff(content, name) == expected


MAIL = b"Received: from x\nMessage-ID: <1@x>\nFrom: a@x\nSubject: hi\n\nbody\n"


def test_a_message_is_told_by_its_headers() -> None:
    """With or without the right name; an envelope line makes it a mailbox, unless the name says one message."""
    assert sniff.sniff(MAIL, "message.txt") == sniff.EML
    assert sniff.sniff(b"From a@x Mon Jan  1 00:00:00 2024\n" + MAIL, "archive") == sniff.MBOX
    assert sniff.sniff(b"From a@x Mon Jan  1 00:00:00 2024\n" + MAIL, "one.eml") == sniff.EML


def test_a_typed_memo_is_no_message() -> None:
    """People write From, To and Subject over memos; only a mail program writes a Message-ID."""
    assert sniff.sniff(b"From: Anne\nTo: Paul\nSubject: lease\n\nPlease sign.", "memo.txt") == sniff.TEXT


def test_a_pdf_renamed_docx_is_parsed_as_a_pdf(letter: bytes) -> None:
    """A wrong extension costs nothing."""
    from drovi_assets.documents.parse import parse

    assert parse(letter, "letter.docx").media_type == sniff.PDF


def test_a_cut_archive_is_still_an_office_file(make_docx: Callable[..., bytes]) -> None:
    """So that its refusal speaks of damage rather than of an unknown format."""
    whole = make_docx("<w:p/>")
    assert sniff.sniff(whole[: len(whole) * 2 // 3], "a.docx") == sniff.DOCX
