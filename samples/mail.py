"""Writes the sample bundle's messages: thread headers, bodies in more than one charset, attachments, one mbox."""

from __future__ import annotations

import re
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from markup import Item

MEDIA_TYPES = {
    ".pdf": "application/pdf",
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
"""Written out: the standard library's table depends on the machine's /etc/mime.types."""


def render_mail(item: Item, mails: Mapping[str, Item], built: Mapping[str, bytes]) -> bytes:
    """One message with its thread's headers; `attach` lists bundle paths, `html: yes` adds an alternative."""
    headers = item.headers
    message = EmailMessage()
    message["From"] = headers["from"]
    message["To"] = headers["to"]
    if "cc" in headers:
        message["Cc"] = headers["cc"]
    message["Date"] = format_datetime(datetime.fromisoformat(headers["date"]))
    message["Subject"] = headers["subject"]
    message["Message-ID"] = message_id(item)
    if chain := list(ancestors(item, mails)):
        message["In-Reply-To"] = chain[0]
        message["References"] = " ".join(reversed(chain))
    message.set_content(item.body, charset=headers.get("charset", "utf-8"))
    if headers.get("html") == "yes":
        paragraphs = item.body.strip().split("\n\n")
        html = "".join("<p>" + escape(p, quote=False).replace("\n", "<br>\n") + "</p>\n" for p in paragraphs)
        message.add_alternative(f"<html><body>\n{html}</body></html>\n", subtype="html")
    for path in filter(None, headers.get("attach", "").split(", ")):
        maintype, subtype = MEDIA_TYPES[PurePosixPath(path).suffix].split("/")
        message.add_attachment(
            built[path], maintype=maintype, subtype=subtype, filename=PurePosixPath(path).name
        )
    set_boundaries(message, headers["id"])
    return message.as_bytes()


def ancestors(item: Item, mails: Mapping[str, Item]) -> Iterator[str]:
    """Message ids of what this message answers, nearest first."""
    while parent := item.headers.get("reply_to"):
        item = mails[parent]
        yield message_id(item)


def message_id(item: Item) -> str:
    """`<id@domain of the sender>`."""
    domain = re.search(r"@([\w.-]+)", item.headers["from"])
    if domain is None:
        raise ValueError(f"{item.path}: no address in its From")
    return f"<{item.headers['id']}@{domain[1]}>"


def set_boundaries(message: EmailMessage, name: str) -> None:
    """Boundaries from the message's own id: the standard library draws them at random."""
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_{name}_{number}")


def mbox_entry(item: Item, message: bytes) -> bytes:
    """The message with its `From ` line, lines of the body that look like one quoted (mboxrd)."""
    sender = re.search(r"[\w.+-]+@[\w.-]+", item.headers["from"])
    when = datetime.fromisoformat(item.headers["date"]).strftime("%a %b %d %H:%M:%S %Y")
    quoted = re.sub(rb"^(>*From )", rb">\1", message, flags=re.MULTILINE)
    return f"From {sender[0] if sender else 'MAILER-DAEMON'} {when}\n".encode() + quoted + b"\n"
