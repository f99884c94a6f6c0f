"""Every error Drovi raises on purpose. The branch says what happens next, the leaf what happened.

    DroviError
    ├── Refused            never retried                         HTTP 4xx
    │   ├── NotFound           404 NOT_FOUND
    │   ├── Forbidden          403 FORBIDDEN
    │   ├── Unauthenticated    401 UNAUTHENTICATED
    │   ├── Conflict           409 CONFLICT
    │   ├── CalledOff          409 CONFLICT
    │   └── Invalid            422 VALIDATION_ERROR
    ├── Transient          backs off, honours ``retry_after``
    │   ├── RateLimited        429 RATE_LIMITED
    │   ├── ProviderDown       503 SERVER_ERROR
    │   ├── Halted             503 SERVER_ERROR
    │   └── TimedOut           503 SERVER_ERROR
    ├── NeedsPerson        stops the connection, tells its owner how to mend it
    │   ├── NotConfigured      409 NOT_CONFIGURED
    │   ├── CredentialExpired  409 CONFLICT
    │   └── PermissionMissing  409 CONFLICT
    ├── StartOver          the stream is read again from empty, ids are kept
    │   └── CursorRejected
    └── Defect             fails the run; ours to mend           500 SERVER_ERROR
        └── InvariantBroken

Anything else that escapes (a library's exception) is treated as a Defect. A bad item inside a page
is a value (``Skipped`` in the connector contract), never one of these.
"""

from __future__ import annotations

from typing import ClassVar


class DroviError(Exception):
    """Carries what happened and, where a person can act, what to do next.

    ``message`` is one sentence about what happened; ``remedy`` one sentence about what to do.
    Neither may hold a secret or another tenant's data: both are shown to callers.
    """

    code: ClassVar[str] = "SERVER_ERROR"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class Refused(DroviError):
    """The request cannot be honoured as it stands; trying again changes nothing."""

    code = "VALIDATION_ERROR"
    status = 400


class NotFound(Refused):
    """Missing, or another tenant's: the two answer alike."""

    code = "NOT_FOUND"
    status = 404


class Forbidden(Refused):
    """The caller is known and lacks the right."""

    code = "FORBIDDEN"
    status = 403


class Unauthenticated(Refused):
    """The caller is not known."""

    code = "UNAUTHENTICATED"
    status = 401


class Conflict(Refused):
    """The state of the resource does not allow it now."""

    code = "CONFLICT"
    status = 409


class CalledOff(Refused):
    """The work was cancelled while it was under way."""

    code = "CONFLICT"
    status = 409


class Invalid(Refused):
    """The input is not acceptable."""

    code = "VALIDATION_ERROR"
    status = 422


class Transient(DroviError):
    """May succeed later; ``retry_after`` (seconds) is the provider's own word where it gave one."""

    code = "SERVER_ERROR"
    status = 503

    def __init__(self, message: str, *, remedy: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = retry_after


class RateLimited(Transient):
    """Too many requests."""

    code = "RATE_LIMITED"
    status = 429


class ProviderDown(Transient):
    """A dependency answers with failures or not at all."""


class Halted(Transient):
    """A kill switch stands in the way; the work goes on where it stopped once that is released."""


class TimedOut(Transient):
    """A dependency did not answer within its budget."""


class NeedsPerson(DroviError):
    """Nothing helps until a person acts; ``remedy`` says how."""

    code = "CONFLICT"
    status = 409


class NotConfigured(NeedsPerson):
    """A setting or credential was never given."""

    code = "NOT_CONFIGURED"


class CredentialExpired(NeedsPerson):
    """A credential was good once and is no longer accepted."""


class PermissionMissing(NeedsPerson):
    """The credential is good, its rights are not enough."""


class StartOver(DroviError):
    """The position in a stream is lost; the stream is read again and ids are kept."""


class CursorRejected(StartOver):
    """The provider no longer accepts the cursor."""


class Defect(DroviError):
    """A fault of ours."""


class InvariantBroken(Defect):
    """Something that cannot be, is."""
