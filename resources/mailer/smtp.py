"""Mails through a mail server, by the standard library's client.

One connection a mail, one attempt a call: who keeps the queue tries again where the error is Transient. The
protocol has no idempotency; a connection lost between the last byte and the server's word may mean a mail
delivered twice, with one Message-ID.

What a server says in words is not passed on: it may quote an address or the message. Its codes are.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from resources.clock import Clock, SystemClock
from resources.errors import (
    CredentialExpired,
    DroviError,
    Invalid,
    NotConfigured,
    PermissionMissing,
    ProviderDown,
    TimedOut,
)
from resources.mailer.message import Mail, Sender, build

_READY: Final = 220
_SUBMISSION_PORT: Final = 587
_TLS_PORT: Final = 465
# The greeting by literal, as Thunderbird does: smtplib would look this machine's name up (without a time-out) and tell it.
_OUR_NAME: Final = "[127.0.0.1]"
_STEP_SECONDS: Final = 15.0
_BUDGET_SECONDS: Final = 60.0
_ENHANCED_CODE: Final = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")  # RFC 3463


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where the mail server is, and who we are to it."""

    host: str
    port: int
    implicit_tls: bool
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """From a ``DROVI_MAIL_URL`` that the settings found usable."""
        parts = urlsplit(url)
        implicit = parts.scheme == "smtps"
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if not (user + password).isascii():  # smtplib would fail in mid-login
            raise NotConfigured(
                "The login in DROVI_MAIL_URL has characters beyond ASCII, which SMTP cannot carry.",
                remedy="Set a password of plain letters, digits and signs at the mail server.",
            )
        default = _TLS_PORT if implicit else _SUBMISSION_PORT
        return cls(parts.hostname or "", parts.port or default, implicit, user, password)

    @property
    def loopback(self) -> bool:
        """On this machine, where a conversation in the clear passes no wire."""
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return self.host == "localhost"


class SmtpMailer:
    """Sends through one server. TLS is required but on loopback, and its certificate is always checked."""

    def __init__(
        self,
        server: SmtpServer,
        sender: Sender,
        *,
        ca_file: str = "",
        step_seconds: float = _STEP_SECONDS,
        budget_seconds: float = _BUDGET_SECONDS,
        clock: Clock | None = None,
    ) -> None:
        """``step_seconds`` bounds one read or write, ``budget_seconds`` the whole conversation."""
        self._server = server
        self._sender = sender
        self._tls = _tls_context(ca_file)
        self._step_seconds = step_seconds
        self._budget_seconds = budget_seconds
        self._clock = clock or SystemClock()

    def send(self, mail: Mail, *, idempotency_key: str) -> None:
        """See :class:`~resources.mailer.transports.Mailer`."""
        message = build(
            mail, sender=self._sender, idempotency_key=idempotency_key, sent_at=self._clock.now()
        ).as_bytes()
        client = self._client()
        with _within(client, self._budget_seconds):
            try:
                self._open(client)
                client.sendmail(self._sender.address, [mail.to], message)
                # The mail is the server's now: a failing farewell must not make the queue send it again.
                with contextlib.suppress(OSError):
                    client.quit()
            finally:
                client.close()

    def _client(self) -> smtplib.SMTP:
        client = (
            smtplib.SMTP_SSL(local_hostname=_OUR_NAME, timeout=self._step_seconds, context=self._tls)
            if self._server.implicit_tls
            else smtplib.SMTP(local_hostname=_OUR_NAME, timeout=self._step_seconds)
        )
        # The name that the certificate is checked against; only the constructor that connects at once sets it.
        client._host = self._server.host  # type: ignore[attr-defined]  # noqa: SLF001 - as said above
        return client

    def _open(self, client: smtplib.SMTP) -> None:
        code, answer = client.connect(self._server.host, self._server.port)
        if code != _READY:
            raise smtplib.SMTPConnectError(code, answer)
        client.ehlo_or_helo_if_needed()
        if not self._server.implicit_tls:
            if client.has_extn("starttls"):
                client.starttls(context=self._tls)
            elif not self._server.loopback:
                raise NotConfigured(
                    "The mail server offers no encryption (STARTTLS), so nothing was sent.",
                    remedy="Use smtps:// in DROVI_MAIL_URL, or have STARTTLS switched on at the server.",
                )
        if self._server.user:
            client.login(self._server.user, self._server.password)


def _tls_context(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if ca_file:
            context.load_verify_locations(ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise NotConfigured(
            f"The certificate authority in {ca_file} cannot be read.",
            remedy="Let DROVI_MAIL_CA_FILE name a readable PEM file.",
        ) from error
    return context


@contextlib.contextmanager
def _within(client: smtplib.SMTP, seconds: float) -> Iterator[None]:
    """Ends a conversation whose budget is spent, and gives every failure in it as one of ours.

    smtplib's time-out is for one read: a server that sends a byte a second would never reach it.
    """
    done, spent = threading.Event(), threading.Event()

    def cut_off() -> None:
        if done.wait(seconds):
            return
        spent.set()
        while True:  # again, for a connection that was not there yet, or is just being wrapped
            if client.sock is not None:
                with contextlib.suppress(OSError):
                    # Not SSLSocket's own, which pulls the session from under the thread that reads from it.
                    socket.socket.shutdown(client.sock, socket.SHUT_RDWR)
            if done.wait(0.1):
                return

    watch = threading.Thread(target=cut_off, name="smtp-budget", daemon=True)
    watch.start()
    try:
        yield
    except UnicodeError:
        raise NotConfigured("The host in DROVI_MAIL_URL cannot be a host.", remedy="Correct it.") from None
    except OSError as error:
        # Without the cause: its words may quote the login, an address or the message.
        raise _ours(error, out_of_time=spent.is_set()) from None
    finally:
        done.set()
        watch.join()


def _ours(error: OSError, *, out_of_time: bool) -> DroviError:
    # Where a read times out, smtplib says that the server has hung up.
    hung_up = isinstance(error, smtplib.SMTPServerDisconnected)
    if out_of_time or isinstance(error.__context__ if hung_up else error, TimeoutError):
        return TimedOut("The mail server did not answer in time.")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        ((code, words),) = error.recipients.values()
        return _refusal(error, code, words)
    if isinstance(error, smtplib.SMTPResponseException):
        return _refusal(error, error.smtp_code, error.smtp_error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return NotConfigured(
            f"The mail server's certificate cannot be trusted ({error.verify_message}).",
            remedy="Correct the host in DROVI_MAIL_URL, or name the server's own authority in DROVI_MAIL_CA_FILE.",
        )
    # smtplib's own errors are OSErrors too.
    if hung_up or not isinstance(error, smtplib.SMTPException):
        return ProviderDown(f"The mail server cannot be reached, or hung up ({type(error).__name__}).")
    return NotConfigured(
        "The mail server takes no login that we know.",
        remedy="Leave user and password out of DROVI_MAIL_URL, or use the port meant for submission (587 or 465).",
    )


def _refusal(error: Exception, code: int, words: bytes | str) -> DroviError:
    """RFC 5321, 4.2.1: what begins with 4 may succeed later, what begins with 5 will not."""
    enhanced = _ENHANCED_CODE.match(words if isinstance(words, str) else words.decode("ascii", "replace"))
    said = f"{code} {enhanced[1]}" if enhanced else str(code)
    if not 500 <= code < 600:
        return ProviderDown(f"The mail server cannot take the mail now ({said}).")
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return CredentialExpired(
            f"The mail server does not accept our login ({said}).",
            remedy="Correct user and password in DROVI_MAIL_URL.",
        )
    if code == 530:
        return NotConfigured(
            f"The mail server wants a login ({said}).", remedy="Give user and password in DROVI_MAIL_URL."
        )
    match error:
        case smtplib.SMTPRecipientsRefused():
            return Invalid(
                f"The mail server refuses the recipient ({said}).",
                remedy="Check the address with its owner. Where every address is refused, "
                "the server relays nothing for us: it may want a login in DROVI_MAIL_URL.",
            )
        case smtplib.SMTPSenderRefused():
            return PermissionMissing(
                f"The mail server does not let us send as this sender ({said}).",
                remedy="Set DROVI_MAIL_FROM to an address that this login may send from.",
            )
        case smtplib.SMTPDataError():
            return Invalid(
                f"The mail server refuses the message itself ({said}).",
                remedy="Look at the server's log: its filter says why.",
            )
        case _:
            return PermissionMissing(
                f"The mail server refuses to talk to us ({said}).",
                remedy="Ask its administrator to allow this machine, or use another server in DROVI_MAIL_URL.",
            )
