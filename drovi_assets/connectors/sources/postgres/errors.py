"""What a source database says of itself, as the branch of the error tree that says what happens next.

By SQLSTATE where there is one (PostgreSQL documentation, appendix A). A refused log-in reaches the client
before a session exists and carries none: there the server's own words decide.
"""

from __future__ import annotations

import psycopg

from resources.errors import (
    CredentialExpired,
    CursorRejected,
    DroviError,
    NotConfigured,
    PermissionMissing,
    ProviderDown,
    TimedOut,
    Transient,
)

_SECONDS_UNTIL_BACK = 5.0


def translated(error: psycopg.Error) -> DroviError | None:
    """The same fault in our terms; None where it is a defect of ours."""
    state = error.sqlstate or ""
    words = str(error)
    if state.startswith("28") or "password authentication failed" in words or "no password supplied" in words:
        return CredentialExpired(
            "The database refuses the user or the password.", remedy="Enter the connection's password again."
        )
    if state == "3D000" or ("database" in words and "does not exist" in words):
        return NotConfigured("The database does not exist.", remedy="Correct the connection's database name.")
    if state in {"42P01", "3F000", "42501"}:
        return PermissionMissing(
            f"A table cannot be read: {error.diag.message_primary}.",
            remedy="Grant SELECT on it to the connection's user, or remove it from the connection.",
        )
    if state == "42703":
        return NotConfigured(
            f"A column is gone: {error.diag.message_primary}.",
            remedy="Restore the column, or correct the connection's settings.",
        )
    if state in {
        "22P02",
        "22003",
        "22007",
        "22008",
    }:  # no value of its type: the position's are the only ones we give
        return CursorRejected("The position does not fit the table's columns.")
    if state == "57014":
        return TimedOut("The database did not answer in time.", remedy="It is tried again by itself.")
    if state in {"40001", "40P01"}:
        return Transient("The database asks to try again.", remedy="It is tried again by itself.")
    if state.startswith(("08", "53", "57P")) or isinstance(error, psycopg.OperationalError):
        return ProviderDown(
            "The database does not answer.",
            remedy="It is tried again by itself.",
            retry_after=_SECONDS_UNTIL_BACK if state.startswith("57P") else None,
        )
    return None
