"""Whose words are these? Splits a mail's text into what its author wrote and what the client programme put there.

Quoted mails, header lines, signatures and legal footers are cut out: what they say is either another message's
(read on its own) or nobody's undertaking. A forwarded message is kept and attributed to its own sender. A text
that is no mail comes out as one zone.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Zone(NamedTuple):
    """A stretch of text by one author; ``author`` is "" where it is the text's own."""

    start: int
    end: int
    author: str


_HEADER = re.compile(
    r"[ \t*]*(?:From|To|Cc|Bcc|Sent|Date|Subject|Reply-To|Message-ID|Importance|Attachments?|"
    r"De|À|Envoyé(?: le)?|Objet|Cci|Pièces? jointes?|Content-[\w-]+|MIME-Version|X-[\w-]+)[ \t*]*:[ \t]*(?P<value>.*)$",
    re.IGNORECASE,
)
_HEADER_FROM = re.compile(r"[ \t*]*(?:From|De)[ \t*]*:[ \t]*(?P<who>[^<\n\[]+)", re.IGNORECASE)
# "On Tue, 3 Mar 2026, Jane wrote:" / "Le 3 mars 2026 à 10:02, Jeanne a écrit :", on one line or wrapped over two.
_ATTRIBUTION = re.compile(
    r"^[ \t]*(?:On\b[^\n]{4,160}(?:\n[^\n]{0,120})?\bwrote[ \t]*:|Le\b[^\n]{4,160}(?:\n[^\n]{0,120})?\ba[ \t]+écrit[ \t\u00a0\u202f]*:)[ \t]*$",
    re.MULTILINE,
)
_ORIGINAL = re.compile(
    r"^[ \t>]*[-_]{2,}[ \t]*(?:Original Message|Message d['’]origine|Reply message)[ \t]*[-_]{2,}",
    re.IGNORECASE | re.MULTILINE,
)
_FORWARDED = re.compile(
    r"^[ \t]*[-_]{2,}[ \t]*(?:Forwarded (?:message|by)|Message transféré|Message réexpédié)\b[^\n]*|^[ \t]*(?:Begin forwarded message|Début du message (?:réexpédié|transféré))[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_SIGNATURE = re.compile(r"^-- ?$", re.MULTILINE)
_DISCLAIMER = re.compile(
    r"^[ \t*_]*(?:(?:this|the information (?:contained )?in this)(?: e-?mail| message| communication| transmission)[^\n]{0,120}?\b(?:confidential|privileged|intended (?:only|solely))"
    r"|(?:confidentiality|legal) notice\b|disclaimer\b|if you (?:are not the intended recipient|have received this (?:e-?mail|message) in error)"
    r"|ce (?:message|courriel|mail|courrier électronique)[^\n]{0,120}?\b(?:confidentiel|destiné|exclusi)|avis de confidentialité|les informations contenues dans ce (?:message|courriel)"
    r"|(?:to )?unsubscribe\b|pour vous désabonner|you (?:are receiving|received) this (?:e-?mail|message) because|vous recevez ce (?:message|courriel) (?:car|parce))",
    re.IGNORECASE | re.MULTILINE,
)
_FOOTER_AT_MOST = 4000


def zones(text: str) -> list[Zone]:
    """The stretches to read, in order. Headers, quoted and boilerplate stretches are left out."""
    end = _cut(text)
    forwarded = _FORWARDED.search(text, 0, end)
    parts = [Zone(0, end, "")]
    if forwarded:
        sender = _HEADER_FROM.search(text, forwarded.end(), min(end, forwarded.end() + 600))
        parts = [
            Zone(0, forwarded.start(), ""),
            Zone(forwarded.end(), end, sender.group("who").strip(' "*') if sender else "?"),
        ]
    return [kept for part in parts for kept in _without_marked_lines(text, part)]


def _cut(text: str) -> int:
    """Where the author's own words end: before the first quoted mail, signature mark or legal footer."""
    ends = [len(text)]
    for pattern in (_ATTRIBUTION, _ORIGINAL, _SIGNATURE):
        if found := pattern.search(text):
            # A reply written below what it quotes: the marker stands first and the words come after the ">" lines.
            below = pattern is _ATTRIBUTION and re.search(r"^>", text[found.end() :], re.MULTILINE)
            if not below:
                ends.append(found.start())
    footer = _DISCLAIMER.search(text)
    # A footer is short: the same words early in a long text are its subject, not its end.
    if footer and footer.start() > 0 and min(ends) - footer.start() <= _FOOTER_AT_MOST:
        ends.append(footer.start())
    return min(ends)


def _without_marked_lines(text: str, part: Zone) -> list[Zone]:
    """``part`` less its ">" lines, header lines and attribution lines."""
    kept: list[Zone] = []
    start = position = part.start
    attributions = [m.span() for m in _ATTRIBUTION.finditer(text, part.start, part.end)]
    for line in text[part.start : part.end].splitlines(keepends=True):
        begin, position = position, position + len(line)
        if (
            line.lstrip().startswith(">")
            or _HEADER.match(line.rstrip("\r\n"))
            or any(first <= begin < last for first, last in attributions)
        ):
            if text[start:begin].strip():
                kept.append(Zone(start, begin, part.author))
            start = position
    if text[start : part.end].strip():
        kept.append(Zone(start, part.end, part.author))
    return kept
