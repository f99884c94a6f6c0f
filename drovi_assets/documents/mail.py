"""Mail: one message (``.eml``) or a box of them (``.mbox``), by the standard library's parser.

A message's own words become paragraphs; what it quotes, forwards or repeats becomes blocks of kind
"other", since those are somebody else's words, or older ones; a signature is a "footer". Headers are
decoded by hand from the forgiving ``compat32`` policy: the modern one raises on headers real mail has.
"""

from __future__ import annotations

import contextlib
import email.message
import email.policy
import re
from collections.abc import Iterator
from dataclasses import replace
from email.header import decode_header
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import PurePath

from drovi_assets.documents import plain, sniff, web
from drovi_assets.documents.charset import decode
from drovi_assets.documents.model import Attachment, Block, ParsedDocument
from drovi_assets.documents.text import clean, collapse, language, tidy
from resources.errors import Invalid


class _Raw(email.policy.Compat32):
    """Headers exactly as they stand: the stock policy turns 8-bit ones into replacement characters."""

    def header_fetch_parse(self, name: str, value: str) -> str:  # noqa: ARG002 -- the policy's interface
        return value


_RAW = _Raw()

_MAX_DEPTH = 20
"""Nested multiparts beyond this are an attack or a loop; real mail stays under ten."""
_MAX_PARTS = 2_000

_FROM_LINE = re.compile(rb"^From \S[^\r\n]*\r?\n", re.MULTILINE)
_UNQUOTE_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_EXTENSIONS = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "message/rfc822": ".eml",
    "application/pdf": ".pdf",
}

_ATTRIBUTION = re.compile(
    r"^(?:On\b.{5,200}\bwrote\s*:|Le\b.{5,200}\ba écrit\s*:|El\b.{5,200}\bescribió\s*:|Am\b.{5,200}\bschrieb.{0,80}:)\s*$",
    re.DOTALL | re.IGNORECASE,
)
_REST_IS_OLDER = re.compile(
    r"^\s*(?:-{2,}\s*(?:original message|message d'origine|message original|forwarded message|message transféré|forwarded by)\b"
    r"|_{10,}\s*$|begin forwarded message\s*:|début du message (?:transféré|réexpédié)\s*:"
    r"|\*?(?:from|de|von)\s*:\*?.{0,300}?^\s*\*?(?:sent|envoyé|date|gesendet|to|à)\s*(?:le\s*)?:)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)


def parse_mail(content: bytes) -> ParsedDocument:
    """Read one message: headers as metadata, body as blocks, every file in it as an attachment.

    Raises:
        Invalid: nested so deeply that the parser gives up.
    """
    content = content.lstrip()  # some exports begin with blank lines, which would end the header at once
    envelope = _FROM_LINE.match(content)
    try:
        message = email.message_from_bytes(content[envelope.end() :] if envelope else content, policy=_RAW)
        parts, warnings = _leaves(message)
    except RecursionError:
        raise Invalid(
            "The mail is nested too deeply to be read.", remedy="Forward its inner message by itself."
        ) from None
    metadata = _metadata(message)
    subject = str(metadata["subject"])
    body, body_warnings = _body(parts)
    blocks = (*_heading(metadata), *_under(body, subject))
    attachments, lost = _attachments(parts)
    warnings += body_warnings + lost
    if not body and not attachments:
        warnings.append("The message has no text.")
    own = " ".join(block.text for block in body if block.kind != "other")
    return ParsedDocument(
        sniff.EML,
        blocks,
        title=subject,
        language=language(own),
        warnings=tuple(warnings),
        metadata=metadata,
        attachments=tuple(attachments),
    )


def parse_mbox(content: bytes) -> ParsedDocument:
    """Each message as an attachment named by its place (``1.eml``); the box itself has no text."""
    starts = [match for match in _FROM_LINE.finditer(content) if _begins_message(content, match)]
    ends = [match.start() for match in starts[1:]] + [len(content)]
    messages = tuple(
        Attachment(f"{number}.eml", sniff.EML, _UNQUOTE_FROM.sub(rb"\1", content[match.end() : end]))
        for number, (match, end) in enumerate(zip(starts, ends, strict=True), start=1)
    )
    warnings = () if messages else ("The mailbox holds no message.",)
    return ParsedDocument(sniff.MBOX, (), warnings=warnings, attachments=messages)


def _begins_message(content: bytes, match: re.Match[bytes]) -> bool:
    """At the start, or after an empty line with a time in it and a header below: sentences begin with "From" too."""
    if re.match(rb"[\w-]+:", content[match.end() : match.end() + 80]) is None:
        return False
    before = content[max(0, match.start() - 3) : match.start()]
    return not before or (
        before.endswith((b"\n\n", b"\n\r\n")) and re.search(rb"\d:\d\d", match[0]) is not None
    )


# --- headers -------------------------------------------------------------------------------------


def _metadata(message: email.message.Message) -> dict[str, object]:
    return {
        "from": next(iter(_people(message, "from")), ""),
        "to": _people(message, "to"),
        "cc": _people(message, "cc"),
        "date": _date(message),
        "subject": _header(message, "subject"),
        "message_id": _header(message, "message-id"),
        "in_reply_to": _header(message, "in-reply-to"),
        "references": _header(message, "references").split(),
    }


def _header(message: email.message.Message, name: str) -> str:
    return _decoded(message.get(name, ""))


def _decoded(value: str) -> str:
    """RFC 2047 words decoded; raw 8-bit headers, which senders do use, by guessing their character set."""
    raw = value.encode("utf-8", "surrogateescape")
    if b"=?" in raw:
        with contextlib.suppress(ValueError, LookupError):  # broken base64, an unknown character set
            words = decode_header(raw.decode("latin-1"))
            return collapse(clean("".join(_word(text, charset) for text, charset in words)))
    return collapse(clean(decode(raw).text))


def _word(text: bytes | str, charset: str | None) -> str:
    return decode(text, charset or "").text if isinstance(text, bytes) else text


def _people(message: email.message.Message, name: str) -> list[str]:
    """``Name <address>``, or the address alone. Addresses are split before decoding, as names may hold commas.

    Newer versions of the standard library give nothing for a malformed list: then its text stands as it is.
    """
    values = [str(value) for value in message.get_all(name, [])]
    people = []
    for person, address in getaddresses(values):
        person_text = _decoded(person)
        address_text = collapse(clean(address))
        shown = (
            f"{person_text} <{address_text}>" if person_text and address_text else address_text or person_text
        )
        if shown:
            people.append(shown)
    return people or [shown for value in values if (shown := _decoded(value))]


def _date(message: email.message.Message) -> str:
    try:
        return parsedate_to_datetime(str(message.get("date", ""))).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""


def _heading(metadata: dict[str, object]) -> Iterator[Block]:
    """Subject and people as text, so that a search for a sender or a subject finds the message."""
    subject = str(metadata["subject"])
    if subject:
        yield Block("title", subject)
    lines = []
    for label, key in (("From", "from"), ("To", "to"), ("Cc", "cc"), ("Date", "date")):
        value = metadata[key]
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        if shown:
            lines.append(f"{label}: {shown}")
    if lines:
        yield Block("header", "\n".join(lines), section=subject)


# --- parts ---------------------------------------------------------------------------------------


def _leaves(message: email.message.Message) -> tuple[list[email.message.Message], list[str]]:
    """The parts that hold content, in order; an attached message counts as one part."""
    found: list[email.message.Message] = []
    warnings: list[str] = []
    stack: list[tuple[email.message.Message, int, bool]] = [(message, 0, False)]
    while stack:
        part, depth, spare = stack.pop()
        kids = part.get_payload()
        if part.get_content_type() == "message/rfc822" or not (
            part.is_multipart() and isinstance(kids, list)
        ):
            if not spare:
                found.append(part)
            continue
        if depth >= _MAX_DEPTH or len(found) + len(stack) + len(kids) > _MAX_PARTS:
            warnings.append("Parts nested too deeply, or too many of them, were left out.")
            continue
        children = [kid for kid in kids if isinstance(kid, email.message.Message)]
        plain_wins = part.get_content_type() == "multipart/alternative" and any(
            _says(kid) for kid in children if _is_body(kid, "text/plain")
        )
        stack.extend(
            (kid, depth + 1, plain_wins and _is_body(kid, "text/html")) for kid in reversed(children)
        )
    return found, warnings


def _says(part: email.message.Message) -> bool:
    """Whether a plain alternative says anything: some senders leave it empty, or only point at the HTML."""
    text = _text_of(part)[0].strip()
    return len(text) > 100 or (
        bool(text) and re.search(r"html|view (?:this|in)|navigateur|browser", text, re.IGNORECASE) is None
    )


def _is_body(part: email.message.Message, media_type: str) -> bool:
    return (
        part.get_content_type() == media_type
        and part.get_content_disposition() != "attachment"
        and not part.get_filename()
    )


def _body(parts: list[email.message.Message]) -> tuple[list[Block], list[str]]:
    blocks: list[Block] = []
    warnings: list[str] = []
    older = False
    for part in parts:
        if _is_body(part, "text/plain"):
            text, exact = _text_of(part)
            found, older = _separate(list(_paragraphs(clean(text))), older=older)
        elif _is_body(part, "text/html"):
            text, exact = _text_of(part)
            found, older = _separate(list(web.read_html(clean(text)).blocks), older=older)
        else:
            continue
        blocks.extend(found)
        if not exact:
            warnings.append("Some bytes of the body are in no known character set and were replaced.")
    return blocks, warnings


def _text_of(part: email.message.Message) -> tuple[str, bool]:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return "", True
    decoded = decode(payload, part.get_content_charset("") or "")
    return decoded.text, decoded.exact


def _paragraphs(text: str) -> Iterator[Block]:
    """Plain text cut at blank lines, at the signature's dashes, and where quoting begins or ends."""
    signature = False
    for run, quoted in _runs(text):
        if quoted:
            stripped = tidy(re.sub(r"^[> ]+", "", run, flags=re.MULTILINE))
            if stripped:
                yield Block("other", stripped)
            continue
        own, dashes, signed = (
            run.partition("\n-- \n") if not run.startswith("-- \n") else ("", "-- \n", run[4:])
        )
        if signature:
            own, signed = "", run
        else:
            yield from (
                Block("paragraph" if b.kind == "title" else b.kind, b.text) for b in plain.blocks_of(own)
            )
        signature = signature or bool(dashes)
        if signature and tidy(signed):
            yield Block("footer", tidy(signed))


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """Consecutive lines that are all quoted with ``>``, or all not; an empty line belongs to the run it is in."""
    run: list[str] = []
    quoted = False
    for line in text.split("\n"):
        is_quoted = line.lstrip().startswith(">")
        if line.strip() and is_quoted != quoted:
            if run:
                yield "\n".join(run) + "\n", quoted
            run, quoted = [], is_quoted
        run.append(line)
    if run:
        yield "\n".join(run) + "\n", quoted


def _separate(blocks: list[Block], *, older: bool) -> tuple[list[Block], bool]:
    """Mark what is not the sender's own: attribution lines, and all that follows a mail program's divider."""
    marked: list[Block] = []
    for block in blocks:
        divider = None if older else _REST_IS_OLDER.search(block.text)
        if divider and divider.start() and block.kind != "other":
            own, rest = block.text[: divider.start()].rstrip(), block.text[divider.start() :].strip()
            if own:
                marked.append(replace(block, text=own))
            marked.append(replace(block, text=rest, kind="other"))
            older = True
            continue
        older = older or divider is not None
        foreign = older or _ATTRIBUTION.match(block.text) is not None
        marked.append(
            Block("other" if foreign else block.kind, block.text, section=block.section, html=block.html)
        )
    return marked, older


def _under(blocks: list[Block], subject: str) -> Iterator[Block]:
    for block in blocks:
        yield replace(block, section=block.section or subject)


# --- attachments ---------------------------------------------------------------------------------


def _attachments(parts: list[email.message.Message]) -> tuple[list[Attachment], list[str]]:
    found: list[Attachment] = []
    warnings: list[str] = []
    for part in parts:
        if _is_body(part, "text/plain") or _is_body(part, "text/html"):
            continue
        number = len(found) + 1
        name = _file_name(part) or f"part{_EXTENSIONS.get(part.get_content_type(), '.bin')}"
        content = _content(part)
        if not content:
            warnings.append(f"The attachment {name} is empty or damaged.")
            continue
        found.append(Attachment(f"{number}/{name}", sniff.sniff(content, name), content))
    return found, warnings


def _file_name(part: email.message.Message) -> str:
    """The last component of the declared name: an attachment chooses no folder."""
    try:
        declared = part.get_filename() or ""
    except (ValueError, LookupError, TypeError):
        return ""
    if part.get_content_type() == "message/rfc822" and not declared:
        inner = part.get_payload()
        subject = (
            _header(inner[0], "subject")
            if isinstance(inner, list) and inner and isinstance(inner[0], email.message.Message)
            else ""
        )
        declared = (re.sub(r"[^\w .-]+", " ", subject).strip()[:80] or "message") + ".eml"
    name = PurePath(_decoded(declared).replace("\\", "/")).name
    return name[:150] if name not in {".", ".."} else ""


def _content(part: email.message.Message) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        if isinstance(inner, list) and inner and isinstance(inner[0], email.message.Message):
            try:
                return inner[0].as_bytes()
            except (UnicodeError, ValueError, LookupError, RecursionError, TypeError, AttributeError):
                return b""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
