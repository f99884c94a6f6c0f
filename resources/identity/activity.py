"""When a credential was last used: noted at most once a minute, after the request, so that reading stays reading.

Best effort: what was asked for is done and committed by then, and must not be answered with an error.
"""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import func, update

from resources.database import IdentityDatabase
from resources.errors import Transient
from resources.schema import api_key, user_session
from resources.tenancy import CredentialKind, Principal


def note(database: IdentityDatabase, principal: Principal) -> None:
    """Note a use, where the last one was noted long enough ago (``Credential.stale``)."""
    credential = principal.credential
    if credential is None or not credential.stale:
        return
    with suppress(Transient), database.transaction() as connection:
        if credential.kind is CredentialKind.API_KEY:
            connection.execute(
                update(api_key).where(api_key.c.id == credential.id).values(last_used_at=func.now())
            )
        else:
            connection.execute(
                update(user_session).where(user_session.c.id == credential.id).values(last_seen_at=func.now())
            )
