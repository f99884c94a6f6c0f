"""The one HTTP client: time-outs, a budget for the whole call, a bound on what is read, and retries that repeat nothing.

What belongs here: how Drovi talks to servers it does not run. What an answer means is its caller's. A call has one
deadline, retries included; a request that the server may have worked on is repeated only where that changes nothing
(RFC 9110, 9.2.2). Redirects are not followed: they would lead a credential elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx2

from resources import clock
from resources.errors import NotConfigured, ProviderDown, RateLimited, TimedOut, Transient

_IDEMPOTENT: Final = frozenset({"GET", "HEAD"})
_FIRST_PAUSE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Budget:
    """What one call may cost. ``seconds`` is for all of it, ``step_seconds`` for one connect, read or write."""

    seconds: float = 10.0
    step_seconds: float = 5.0
    attempts: int = 3
    max_bytes: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: any status but 429 and 5xx, which are raised. The body may hold secrets, so it is not printed."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            ProviderDown: it is none.
        """
        with contextlib.suppress(ValueError):
            said = json.loads(self.body)
            if isinstance(said, dict):
                return said
        raise ProviderDown("The server's answer is not a JSON object.")


class HttpClient:
    """Calls with one budget; keeps its connections open between them. Safe to share among threads."""

    def __init__(self, budget: Budget | None = None, *, keep_alive: bool = True) -> None:
        self._budget = budget or Budget()
        limits = httpx2.Limits() if keep_alive else httpx2.Limits(max_keepalive_connections=0)
        self._client = httpx2.Client(
            timeout=self._budget.step_seconds,
            follow_redirects=False,
            limits=limits,
            headers={"User-Agent": "Drovi"},
        )

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Read something. Raises as ``request``."""
        return self.request("GET", url, headers=headers)

    def post_form(
        self, url: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a form. Raises as ``request``."""
        return self.request("POST", url, headers=headers, form=fields)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        tls_name: str = "",
    ) -> Answer:
        """Make a call, with a ``form`` or a raw ``body``; ``tls_name`` is whose certificate is asked for, where ``url`` holds an address.

        Raises:
            TimedOut: the budget's time was over first.
            RateLimited: the server asks to come back later than the budget allows.
            ProviderDown: it cannot be reached, fails, or sends too much.
            NotConfigured: the address cannot be used.
        """
        deadline = time.monotonic() + self._budget.seconds
        sent: dict[str, Any] = {"data": form} if body is None else {"content": body}
        named = {"sni_hostname": tls_name} if tls_name else {}
        for attempt in range(1, self._budget.attempts + 1):
            try:
                return self._once(method, url, deadline, headers, {**sent, "extensions": named})
            except _Failed as failed:
                pause = self._pause(attempt, failed)
                again = failed.unsent or method in _IDEMPOTENT
                late = time.monotonic() + pause >= deadline
                if not again or late or attempt == self._budget.attempts:
                    raise failed.error from None
                time.sleep(pause)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def close(self) -> None:
        """Close what is kept open."""
        self._client.close()

    def _once(
        self,
        method: str,
        url: str,
        deadline: float,
        headers: Mapping[str, str] | None,
        sent: Mapping[str, Any],
    ) -> Answer:
        step = min(self._budget.step_seconds, max(0.001, deadline - time.monotonic()))
        with (
            _transport_errors(),
            self._client.stream(method, url, headers=headers, timeout=step, **sent) as response,
        ):
            body = self._body(response, deadline)
        status = response.status_code
        if status == 429:
            raise _Failed(
                RateLimited("The server takes no further requests now.", retry_after=_retry_after(response))
            )
        if status >= 500:
            raise _Failed(ProviderDown(f"The server failed ({status}).", retry_after=_retry_after(response)))
        return Answer(status, dict(response.headers), body)

    def _body(self, response: httpx2.Response, deadline: float) -> bytes:
        """The body, as far as time and size allow: a server that drips a byte a second holds nobody up."""
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > self._budget.max_bytes:
                raise _Failed(ProviderDown("The server's answer is too large."))
            if time.monotonic() > deadline:
                raise _Failed(TimedOut("The server did not answer in time."))
        return bytes(body)

    def _pause(self, attempt: int, failed: _Failed) -> float:
        """What the server asks for, or twice as long as before, with jitter, so that callers do not come back as one."""
        if failed.error.retry_after is not None:
            return failed.error.retry_after
        return random.uniform(0.5, 1.0) * _FIRST_PAUSE * 2.0 ** (attempt - 1)  # noqa: S311 - jitter, no secret


class _Failed(Exception):
    """An attempt that may be repeated; ``unsent``: the server has not seen it."""

    def __init__(self, error: Transient, *, unsent: bool = False) -> None:
        super().__init__()
        self.error = error
        self.unsent = unsent


@contextlib.contextmanager
def _transport_errors() -> Iterator[None]:
    """Without the cause: a traceback would show the request, credentials included."""
    try:
        yield
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        reason = type(error).__name__
        raise _Failed(ProviderDown(f"The server cannot be reached ({reason})."), unsent=True) from None
    except httpx2.TimeoutException:
        raise _Failed(TimedOut("The server did not answer in time.")) from None
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        raise NotConfigured("The server's address cannot be used.", remedy="Correct it.") from None
    except httpx2.HTTPError as error:
        raise _Failed(ProviderDown(f"The connection broke ({type(error).__name__}).")) from None


def _retry_after(response: httpx2.Response) -> float | None:
    """RFC 9110, 10.2.3: seconds, or a date."""
    given = response.headers.get("Retry-After", "")
    with contextlib.suppress(ValueError):
        return max(0.0, float(int(given)))
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(given) - clock.now()).total_seconds())
    return None
