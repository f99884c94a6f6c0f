"""The ways out, behind one protocol: a mail server, Resend, or a folder where nothing is set up.

A transport makes one attempt and says how it failed by the branch of the error tree; trying again, and after
how long, is its caller's, who keeps the outgoing queue.
"""

from __future__ import annotations

from typing import Final, Protocol

from resources.errors import Invalid, NotConfigured
from resources.mailer.folder import FolderMailer
from resources.mailer.message import Mail, Sender
from resources.mailer.resend import ResendMailer
from resources.mailer.smtp import SmtpMailer, SmtpServer
from resources.settings import Settings

_LOCAL_SENDER: Final = "Drovi <drovi@localhost>"


class Mailer(Protocol):
    """A way out for mails."""

    def send(self, mail: Mail, *, idempotency_key: str) -> None:
        """Hand the mail over; when this returns, the transport has taken it.

        ``idempotency_key`` is the mail's own, the same for each attempt: 1 to 256 printable ASCII characters.

        Raises:
            Transient: try again later, with the same key, not before ``retry_after`` where that is given.
            NeedsPerson: no mail leaves until somebody does what ``remedy`` says; the queue keeps its mails.
            Refused: this mail will never be taken; others may.
        """
        ...


class NoMailer:
    """Stands where the settings name no usable way out: letters wait, and say why."""

    def __init__(self, error: NotConfigured) -> None:
        self._error = error

    def send(self, mail: Mail, *, idempotency_key: str) -> None:
        """Raises the ``NotConfigured`` that opening the way out raised."""
        del mail, idempotency_key
        raise NotConfigured(self._error.message, remedy=self._error.remedy)


def open_mailer(settings: Settings) -> Mailer:
    """The way out that ``DROVI_MAIL_URL`` names.

    Raises:
        NotConfigured: a setting that this way needs is missing or cannot be used; the message names it.
    """
    url = settings.mail_url.get_secret_value()
    if not url:
        return FolderMailer(settings.home / "mail", _sender(settings.mail_from or _LOCAL_SENDER))
    if not settings.mail_from:
        raise NotConfigured(
            "DROVI_MAIL_FROM is not set.",
            remedy="Set it to the address that mails are from, as DROVI_MAIL_URL is set.",
        )
    sender = _sender(settings.mail_from)
    if url != "resend://":
        return SmtpMailer(SmtpServer.parse(url), sender, ca_file=settings.mail_ca_file)
    key = settings.resend_api_key.get_secret_value()
    if not key or not key.isascii() or not key.isprintable():
        raise NotConfigured(
            "RESEND_API_KEY is not set, or is not a key.",
            remedy="Create a key with the right to send at Resend.",
        )
    return ResendMailer(settings.resend_base_url, key, sender)


def _sender(text: str) -> Sender:
    try:
        return Sender.parse(text)
    except Invalid as error:
        raise NotConfigured(
            f"DROVI_MAIL_FROM cannot be used: {error.message}",
            remedy="Set it to `address` or `Name <address>`.",
        ) from error
