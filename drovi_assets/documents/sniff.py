"""What a file is: its bytes decide first, its name second, so a renamed file cannot lead the parser astray."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import PurePath

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
HTML, MARKDOWN, TEXT, CSV = "text/html", "text/markdown", "text/plain", "text/csv"
EML, MBOX = "message/rfc822", "application/mbox"
ENCRYPTED_OFFICE = "application/x-encrypted-office"
"""An OOXML file behind a password: an OLE container with the streams that MS-OFFCRYPTO names."""
EMPTY, BINARY = "application/x-empty", "application/octet-stream"

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"{\\rtf", "application/rtf"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"%!PS", "application/postscript"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ", "application/x-executable"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (b"!BDN", "application/vnd.ms-outlook-pst"),
)
_BINARY_MAGIC_ONLY = (b"BM", b"MZ", b"ID3")
"""Magic that an ordinary text could begin with; it counts only when the rest is not text."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_STREAMS: tuple[tuple[str, str], ...] = (
    ("EncryptedPackage", ENCRYPTED_OFFICE),
    ("__substg1.0_", "application/vnd.ms-outlook"),
    ("__properties_version1.0", "application/vnd.ms-outlook"),
    ("WordDocument", "application/msword"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("Workbook", "application/vnd.ms-excel"),
)
_OOXML: tuple[tuple[str, str], ...] = (("word/", DOCX), ("xl/", XLSX), ("ppt/", PPTX))

_BY_NAME = {
    ".html": HTML, ".htm": HTML, ".xhtml": HTML,
    ".md": MARKDOWN, ".markdown": MARKDOWN,
    ".csv": CSV, ".tsv": CSV,
    ".eml": EML, ".mbox": MBOX,
}  # fmt: skip

_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_FRAGMENT = re.compile(
    rb"\s*<(?:div|p|table|h[1-6]|ul|ol|meta|title|article|section|span)\b[^>]*>", re.IGNORECASE
)
_FROM_LINE = re.compile(rb"From \S[^\n]*\r?\n(?=[\w-]+:|>From )")
_HEADER = re.compile(rb"^([A-Za-z][A-Za-z0-9-]{1,40}):", re.MULTILINE)
_MACHINE_HEADERS = {
    b"message-id",
    b"mime-version",
    b"received",
    b"return-path",
    b"content-type",
    b"delivered-to",
    b"x-mailer",
}
_PEOPLE_HEADERS = {b"from", b"to", b"date", b"subject", b"sender"}
_HEAD = 8192


def sniff(content: bytes, name: str) -> str:
    """The media type of a file.

    Encrypted OOXML is ``ENCRYPTED_OFFICE``, no bytes ``EMPTY``, unknown binary data ``BINARY``. Anything
    that decodes as text is at least ``text/plain``.
    """
    head = content[:_HEAD]
    if not content:
        return EMPTY
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith(_OLE):
        return _ole(content)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(content)
    for magic, media_type in _MAGIC:
        if head.startswith(magic) and not (magic in _BINARY_MAGIC_ONLY and _is_text(head)):
            return media_type
    if head[:4] == b"RIFF":
        return "image/webp" if head[8:12] == b"WEBP" else "audio/x-wav"
    if head[4:8] == b"ftyp":
        return "image/heic" if head[8:12] in {b"heic", b"heix", b"mif1"} else "video/mp4"
    return _text(head, name) if _is_text(head) else BINARY


def _text(head: bytes, name: str) -> str:
    suffix = PurePath(name.lower()).suffix
    plain = head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    envelope = _FROM_LINE.match(plain)
    if _is_mail(plain[envelope.end() :] if envelope else plain, suffix):
        return MBOX if envelope and suffix != ".eml" else EML
    if _HTML.match(plain):
        return HTML
    by_name = _BY_NAME.get(suffix)
    if by_name in {EML, MBOX}:  # the bytes show no mail: the name alone does not make it one
        return TEXT
    if by_name is not None:
        return by_name
    return HTML if not suffix and _FRAGMENT.match(plain) else TEXT


def _is_mail(head: bytes, suffix: str) -> bool:
    """A header block with a machine's header in it; a memo that people typed has From and To but none of those."""
    block = re.split(rb"\r?\n\r?\n", head.lstrip(b"\r\n"), maxsplit=1)[0]
    first = block.split(b"\n", 1)[0]
    if not _HEADER.match(first):
        return False
    names = {match[1].lower() for match in _HEADER.finditer(block)}
    people, machine = names & _PEOPLE_HEADERS, names & _MACHINE_HEADERS
    return bool(people and machine) or (suffix == ".eml" and bool(people or machine))


def _is_text(head: bytes) -> bool:
    """UTF-16 with its mark, or few control bytes: stray NULs in a text do not make it binary, a tenth does."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if len(head) >= 4 and (
        head[1::2].count(0) > 0.4 * (len(head) // 2) or head[::2].count(0) > 0.4 * (len(head) // 2)
    ):
        return _is_text(head.replace(b"\x00", b""))  # UTF-16 without its mark
    controls = sum(head.count(byte) for byte in (*range(8), *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F))
    return controls <= 1 + len(head) // 20


def _ole(content: bytes) -> str:
    for stream, media_type in _OLE_STREAMS:
        if stream.encode("utf-16-le") in content:
            return media_type
    return "application/x-ole-storage"


def _zip(content: bytes) -> str:
    """Told by its members. A damaged archive is told by the member names that are still in its bytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 200:
                declared = archive.read("mimetype").decode("ascii", "replace").strip()
                if declared.startswith("application/"):
                    return declared
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError, NotImplementedError, EOFError):
        names = [
            folder for folder, _ in _OOXML if b"[Content_Types].xml" in content and folder.encode() in content
        ]
    for folder, media_type in _OOXML:
        if any(member.startswith(folder) for member in names):
            return media_type
    return "application/zip"
