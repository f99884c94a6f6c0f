"""Mails through Resend's HTTP API (its documentation: "Send Email", "Idempotency Keys", "Errors").

One attempt a call; the queue tries again with the same key, and for 24 hours Resend sends a key's mail once.
Its words are not passed on, they may quote an address; the name of its error is.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx2

from resources.clock import Clock, SystemClock
from resources.errors import (
    Conflict,
    CredentialExpired,
    DroviError,
    Invalid,
    NotConfigured,
    PermissionMissing,
    ProviderDown,
    RateLimited,
    TimedOut,
)
from resources.mailer.message import Mail, Sender, checked_key, extra_headers

_CONNECT_SECONDS: Final = 5.0
_STEP_SECONDS: Final = 15.0
_ANSWER_SECONDS: Final = 5.0
_ANSWER_BYTES: Final = 16 * 1024
_LONGEST_WAIT: Final = 86_400.0  # a daily quota; what asks for more is not a wait
_ERROR_NAME: Final = re.compile(r"[a-z_]{1,60}")


class ResendMailer:
    """Sends with one API key."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        sender: Sender,
        *,
        step_seconds: float = _STEP_SECONDS,
        answer_seconds: float = _ANSWER_SECONDS,
        clock: Clock | None = None,
    ) -> None:
        """``step_seconds`` bounds one read or write, ``answer_seconds`` the reading of an error's body."""
        self._url = f"{base_url}/emails"
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._sender = sender
        self._timeout = httpx2.Timeout(step_seconds, connect=min(step_seconds, _CONNECT_SECONDS))
        self._answer_seconds = answer_seconds
        self._clock = clock or SystemClock()

    def send(self, mail: Mail, *, idempotency_key: str) -> None:
        """See :class:`~resources.mailer.transports.Mailer`."""
        headers = {**self._headers, "Idempotency-Key": checked_key(idempotency_key)}
        with (
            _transport_errors(),
            httpx2.Client(timeout=self._timeout, follow_redirects=False) as client,
            client.stream("POST", self._url, json=self._payload(mail), headers=headers) as answer,
        ):
            # Accepted is accepted: the body holds an id that nobody needs, and is not waited for.
            if not answer.is_success:
                raise self._refusal(answer)

    def _payload(self, mail: Mail) -> dict[str, Any]:
        """The same for each attempt: Resend refuses a key that comes back with another mail."""
        payload = {
            "from": str(self._sender),
            "to": [mail.to],
            "subject": mail.subject,
            "text": mail.text,
            "headers": extra_headers(mail),
        }
        return {**payload, "html": mail.html} if mail.html else payload

    def _refusal(self, answer: httpx2.Response) -> DroviError:
        status = answer.status_code
        name, words = self._error(answer)
        said = f"{status} {name}" if name else str(status)
        # A key in use means that an earlier attempt is still on its way.
        if status == 429 or (status == 409 and name != "invalid_idempotent_request"):
            return RateLimited(
                f"Resend takes no further mail now ({said}).",
                remedy="A larger plan lifts the quota." if "quota" in name else "",
                retry_after=self._retry_after(answer),
            )
        if status >= 500 or status == 408:
            return ProviderDown(f"Resend failed ({said}).", retry_after=self._retry_after(answer))
        if status == 409:
            return Conflict(f"This mail's key was used for another mail ({said}).")
        if status == 401 or name.endswith("_api_key") or "api key" in words.lower():
            return CredentialExpired(
                f"Resend does not accept the API key ({said}).",
                remedy="Set RESEND_API_KEY to a key with the right to send.",
            )
        if status == 403 or name == "invalid_from_address":
            return PermissionMissing(
                f"Resend does not let us send this mail ({said}).",
                remedy="Verify the domain of DROVI_MAIL_FROM at Resend, and look whether the account is in order.",
            )
        if status in {400, 413, 422, 451}:
            return Invalid(f"Resend refuses the mail ({said}).", remedy="Check the address of its recipient.")
        return NotConfigured(
            f"What answers at RESEND_BASE_URL is not Resend's API ({said}).",
            remedy="Correct RESEND_BASE_URL.",
        )

    def _error(self, answer: httpx2.Response) -> tuple[str, str]:
        """Its name and words, empty where the body is late, long or not theirs: the status alone says enough."""
        end = time.monotonic() + self._answer_seconds
        body = bytearray()
        with contextlib.suppress(httpx2.HTTPError, ValueError, AttributeError):
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > _ANSWER_BYTES or time.monotonic() > end:
                    return "", ""
            said = json.loads(body)
            name = str(said.get("name", ""))
            return (name, str(said.get("message", ""))) if _ERROR_NAME.fullmatch(name) else ("", "")
        return "", ""

    def _retry_after(self, answer: httpx2.Response) -> float | None:
        """RFC 9110, 10.2.3: seconds, or a date."""
        given = answer.headers.get("Retry-After", "")
        try:
            seconds = float(given)
        except ValueError:
            try:
                seconds = (parsedate_to_datetime(given) - self._clock.now()).total_seconds()
            except (ValueError, TypeError):
                return None
        return None if math.isnan(seconds) else min(max(seconds, 0.0), _LONGEST_WAIT)


@contextlib.contextmanager
def _transport_errors() -> Iterator[None]:
    """Without the cause: a traceback would show the request, key and mail included."""
    try:
        yield
    except httpx2.TimeoutException:
        raise TimedOut("Resend did not answer in time.") from None
    except httpx2.HTTPError as error:
        raise ProviderDown(f"Resend cannot be reached ({type(error).__name__}).") from None
    except httpx2.InvalidURL:
        raise NotConfigured("RESEND_BASE_URL cannot be used.", remedy="Correct it.") from None
