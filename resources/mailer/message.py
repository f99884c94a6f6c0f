"""One mail to one person, checked when it is made, and the RFC 5322 message it becomes.

What is here knows no transport. A mail that exists can be sent: its address is one address, no header can be
smuggled in through a name or a subject, and its sizes are those that receivers take.
"""

from __future__ import annotations

import email.policy
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from types import MappingProxyType
from typing import Any, Final, Self

import idna

from resources.errors import Invalid
from resources.hashing import derive_id

# RFC 5321, 4.5.3.1: octets of a local part and of a path without its angle brackets.
_LOCAL_LENGTH: Final = 64
_ADDRESS_LENGTH: Final = 254
_NAME_LENGTH: Final = 100
SUBJECT_LENGTH: Final = 200
_BODY_BYTES: Final = 100_000  # Gmail cuts a message off at 102 kB
_HEADER_LENGTH: Final = 500
_KEY_LENGTH: Final = 256  # Resend's limit on an Idempotency-Key

# The unquoted form of RFC 5322; nobody's mailbox needs the quoted one, which may hold spaces and a second @.
_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_HEADER_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
_SENDER: Final = re.compile(r"\s*(?P<name>.*?)\s*<(?P<address>[^<>]*)>\s*")
# Control characters, surrogates, line and paragraph separators: what could end a line, or cannot be encoded.
_FORBIDDEN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
# RFC 2047: what stands behind it is decoded by the receiver, to line ends and turned directions as well.
_ENCODED_WORD: Final = "=?"

_EVERY_MAIL: Final = MappingProxyType(
    {
        "Auto-Submitted": "auto-generated",  # RFC 3834: no machine answers a machine
        "X-Auto-Response-Suppress": "All",  # the same for Exchange
    }
)
_OURS: Final = frozenset(
    {
        "from",
        "to",
        "cc",
        "bcc",
        "sender",
        "reply-to",
        "return-path",
        "received",
        "date",
        "subject",
        "message-id",
    }
    | {name.lower() for name in _EVERY_MAIL}
)


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one address. Its bodies hold links that are keys, so they are not printed with it.

    Raises:
        Invalid: an address, subject, header or body that cannot be sent as it stands.
    """

    to: str
    subject: str
    text: str = field(repr=False)
    html: str = field(default="", repr=False)
    """Empty: the mail is plain text alone."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers; none of those that every mail has."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "to", normalised_address(self.to))
        _check_line("subject", self.subject, SUBJECT_LENGTH)
        if not self.subject.strip() or not self.text.strip():
            raise Invalid("A mail needs a subject and a text.")
        for body in (self.text, self.html):
            if len(body.encode("utf-8", "replace")) > _BODY_BYTES:
                raise Invalid(f"The body of a mail may have {_BODY_BYTES} bytes.")
            if any(unicodedata.category(character) == "Cs" for character in body):
                raise Invalid("The body of a mail holds half a character (a lone surrogate).")
        for name, value in self.headers.items():
            _check_header(name, value)
        object.__setattr__(self, "headers", MappingProxyType(dict(self.headers)))


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom mails are from."""

    name: str
    address: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``address`` or ``Name <address>``; raises Invalid."""
        match = _SENDER.fullmatch(text)
        name, address = (match["name"].strip('"'), match["address"]) if match else ("", text.strip())
        _check_line("sender's name", name, _NAME_LENGTH)
        return cls(name, normalised_address(address))

    def __str__(self) -> str:
        return str(self.header)

    @property
    def header(self) -> Address:
        """As the standard library writes it into ``From``."""
        return Address(self.name, addr_spec=self.address)

    @property
    def domain(self) -> str:
        """In ASCII."""
        return self.address.rpartition("@")[2]


class _Wire(email.policy.EmailPolicy):
    """As messages go to a mail server, with subjects that keep their spaces.

    The standard library's folding loses the space between two words beyond ASCII that need a line each
    (Python 3.11 and 3.12; 40 letters are enough); its older ``Header`` does not.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        """See ``email.policy.Policy``."""
        if name != "Subject":
            return super().fold_binary(name, value)
        subject = str(value)
        if not subject.isascii():  # else it fits on its line: 998 octets are allowed
            subject = Header(subject, "utf-8", header_name=name).encode(linesep=self.linesep)
        return f"{name}: {subject}{self.linesep}".encode("ascii")


_WIRE: Final = _Wire(linesep="\r\n")


def normalised_address(text: str) -> str:
    """The address with its domain as it stands on the wire: IDNA 2008, lower case. Raises Invalid.

    The local part keeps its case and is ASCII: few servers take another (RFC 6531), Resend takes none.
    """
    local, at, domain = text.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or len(local) > _LOCAL_LENGTH:
        raise Invalid("This is not an e-mail address that mail can be sent to.", remedy="Check its spelling.")
    try:
        wire = idna.encode(domain, uts46=True, std3_rules=True).decode().lower()
    except idna.IDNAError:
        wire = ""
    # A last label of digits alone would make the domain an IP address.
    if not wire or wire.endswith(".") or wire.rpartition(".")[2].isdigit():
        raise Invalid(
            "The part of the e-mail address after the @ is not a domain.", remedy="Check its spelling."
        )
    address = f"{local}@{wire}"
    if len(address) > _ADDRESS_LENGTH:
        raise Invalid(f"An e-mail address has at most {_ADDRESS_LENGTH} characters.")
    return address


def message_id(sender: Sender, idempotency_key: str) -> str:
    """The same for each attempt at the same mail, so that a receiver who gets it twice can tell."""
    return f"<{derive_id('mail', checked_key(idempotency_key))}@{sender.domain}>"


def checked_key(idempotency_key: str) -> str:
    """The key, where it is printable ASCII of at most 256 characters; raises Invalid."""
    printable = idempotency_key.isascii() and idempotency_key.isprintable()
    if not printable or not idempotency_key.strip() or len(idempotency_key) > _KEY_LENGTH:
        raise Invalid(f"An idempotency key is 1 to {_KEY_LENGTH} printable ASCII characters.")
    return idempotency_key


def extra_headers(mail: Mail) -> dict[str, str]:
    """What a mail carries beside sender, recipient, subject, date and id."""
    return {**_EVERY_MAIL, **mail.headers}


def build(mail: Mail, *, sender: Sender, idempotency_key: str, sent_at: datetime) -> EmailMessage:
    """The mail as an RFC 5322 message: plain text first, HTML as its alternative, 7-bit clean on the wire."""
    message = EmailMessage(policy=_WIRE)
    message["From"] = sender.header
    message["To"] = Address(addr_spec=mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(sent_at)
    message["Message-ID"] = message_id(sender, idempotency_key)
    for name, value in extra_headers(mail).items():
        message[name] = value
    # Quoted-printable: a line longer than 998 octets, or one with accents, passes any relay.
    message.set_content(mail.text, charset="utf-8", cte="quoted-printable")
    if mail.html:
        message.add_alternative(mail.html, subtype="html", charset="utf-8", cte="quoted-printable")
    return message


def _check_header(name: str, value: str) -> None:
    lowered = name.lower()
    if not _HEADER_NAME.fullmatch(name) or lowered in _OURS or lowered.startswith(("content-", "mime-")):
        raise Invalid(f"{name[:80]!r} cannot be a further header of a mail.")
    _check_line(f"header {name}", value, _HEADER_LENGTH)


def _check_line(what: str, value: str, longest: int) -> None:
    if len(value) > longest:
        raise Invalid(f"The {what} of a mail has at most {longest} characters.")
    if any(unicodedata.category(character) in _FORBIDDEN for character in value):
        raise Invalid(f"The {what} of a mail is one line, without control characters.")
    if _ENCODED_WORD in value:
        raise Invalid(f"The {what} of a mail holds {_ENCODED_WORD}, which readers take for an encoding.")
