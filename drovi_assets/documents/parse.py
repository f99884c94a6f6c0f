"""The door of the room: bytes and a name in, a parsed document out, or a reason that a person can act on.

It runs in the calling process and trusts nothing it reads, but a hostile file can still take memory and
time: callers with files from outside go through ``sandbox.Sandbox``, which runs this very function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from drovi_assets.documents import sniff
from drovi_assets.documents.model import ParsedDocument
from resources.errors import DroviError, Invalid

PARSER_VERSION = "1"
"""Changes whenever the same bytes would come out differently, so that what was stored is parsed anew."""


def parse(content: bytes, name: str) -> ParsedDocument:
    """Parse a file of any supported format; the same bytes and name always give the same document.

    Raises:
        Invalid: empty, encrypted, damaged, a scan, too large for memory, or of a format that is not read yet.
    """
    media_type = sniff.sniff(content, name)
    reader = _READERS.get(media_type)
    if reader is None:
        raise _refusal(media_type)
    try:
        document = reader(content)
    except (DroviError, ImportError, SyntaxError, NameError):  # ours: a broken installation is no broken file
        raise
    except (MemoryError, RecursionError):
        raise Invalid(
            "The file needs more memory than a document may use.", remedy="Split it into smaller files."
        ) from None
    except Exception as error:  # parsers of broken files raise whatever they stumble over
        raise Invalid(
            f"The file could not be read as {media_type}; it may be damaged ({type(error).__name__}).",
            remedy="Export or download it again.",
        ) from error
    return _never_silent(document)


def _never_silent(document: ParsedDocument) -> ParsedDocument:
    if document.blocks or document.attachments or document.warnings:
        return document
    return replace(document, warnings=("The file holds no text.",))


def _pdf(content: bytes) -> ParsedDocument:
    from drovi_assets.documents.pdf import parse_pdf

    return parse_pdf(content)


def _docx(content: bytes) -> ParsedDocument:
    from drovi_assets.documents.docx import parse_docx

    return parse_docx(content)


def _xlsx(content: bytes) -> ParsedDocument:
    from drovi_assets.documents.office import parse_xlsx

    return parse_xlsx(content)


def _pptx(content: bytes) -> ParsedDocument:
    from drovi_assets.documents.office import parse_pptx

    return parse_pptx(content)


def _html(content: bytes) -> ParsedDocument:
    from drovi_assets.documents.web import parse_html

    return parse_html(content)


def _markdown(content: bytes) -> ParsedDocument:
    from drovi_assets.documents.plain import parse_markdown

    return parse_markdown(content)


def _text(content: bytes) -> ParsedDocument:
    from drovi_assets.documents.plain import parse_text

    return parse_text(content)


def _csv(content: bytes) -> ParsedDocument:
    from drovi_assets.documents.plain import parse_csv

    return parse_csv(content)


def _mail(content: bytes) -> ParsedDocument:
    from drovi_assets.documents.mail import parse_mail

    return parse_mail(content)


def _mbox(content: bytes) -> ParsedDocument:
    from drovi_assets.documents.mail import parse_mbox

    return parse_mbox(content)


_READERS: dict[str, Callable[[bytes], ParsedDocument]] = {
    sniff.PDF: _pdf,
    sniff.DOCX: _docx,
    sniff.XLSX: _xlsx,
    sniff.PPTX: _pptx,
    sniff.HTML: _html,
    sniff.MARKDOWN: _markdown,
    sniff.TEXT: _text,
    sniff.CSV: _csv,
    sniff.EML: _mail,
    sniff.MBOX: _mbox,
}

SUPPORTED = frozenset(_READERS)
"""The media types that ``parse`` reads."""

_OLD_OFFICE = {
    "application/msword": ("Word 97-2003 document", "DOCX"),
    "application/vnd.ms-excel": ("Excel 97-2003 workbook", "XLSX"),
    "application/vnd.ms-powerpoint": ("PowerPoint 97-2003 presentation", "PPTX"),
    "application/vnd.ms-outlook": ("Outlook message", "EML"),
    "application/rtf": ("rich text file", "DOCX or PDF"),
    "application/vnd.oasis.opendocument.text": ("OpenDocument text", "DOCX or PDF"),
    "application/vnd.oasis.opendocument.spreadsheet": ("OpenDocument spreadsheet", "XLSX or PDF"),
    "application/vnd.oasis.opendocument.presentation": ("OpenDocument presentation", "PPTX or PDF"),
}


def _refusal(media_type: str) -> Invalid:
    """What is wrong with the file, and what its owner can do about it."""
    if media_type == sniff.EMPTY:
        return Invalid("The file is empty.", remedy="Check that it was saved or downloaded in full.")
    if media_type == sniff.ENCRYPTED_OFFICE:
        return Invalid(
            "The office file is protected by a password.",
            remedy="Save a copy without the password and add that.",
        )
    if media_type.startswith("image/"):
        return Invalid(
            f"Images ({media_type}) need OCR, which is not available yet.",
            remedy="Add a PDF with a text layer.",
        )
    if media_type in _OLD_OFFICE:
        what, target = _OLD_OFFICE[media_type]
        return Invalid(
            f"The format is not supported yet: {what}.", remedy=f"Save it as {target} and add that."
        )
    if media_type == "application/zip":
        return Invalid("Archives are not read.", remedy="Unpack it and add the files in it.")
    return Invalid(f"The format is not supported: {media_type}.", remedy="Export it as PDF, DOCX or text.")
