"""The rules of API keys: none is worth more than what it was made with."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from drovi_api.dependencies import WriteSession
from drovi_api.tenancy.keys import repository
from drovi_api.tenancy.keys.schemas import ApiKey, CreatedApiKey, NewApiKey
from resources.audit import Action
from resources.clock import now
from resources.errors import Forbidden, Invalid
from resources.organisations import hash_key, new_key
from resources.tenancy import CredentialKind


def create(session: WriteSession, new: NewApiKey) -> CreatedApiKey:
    """Make a key.

    Raises:
        Invalid: it would be over already.
        Forbidden: it would do more, or last longer, than the key that asks for it.
    """
    if new.expires_at is not None and new.expires_at <= now():
        raise Invalid("The key would have expired already.", remedy="Give a later moment, or none.")
    _require_no_more_than_own(session, new)
    key = new_key()
    row = repository.create(session, new.name, hash_key(key), new.scopes, new.expires_at)
    session.audit(
        Action.API_KEY_CREATED,
        "key",
        row.id,
        after={"name": row.name, "scopes": row.scopes, "expires_at": _text(row.expires_at)},
    )
    return CreatedApiKey(key=key, **repository.key_of(row).model_dump())


def revoke(session: WriteSession, key_id: UUID) -> ApiKey:
    """Make a key open nothing, at once.

    Raises:
        NotFound: it is not the caller's, or was revoked.
    """
    row = repository.one(session, key_id)
    repository.revoke(session, key_id)
    session.audit(Action.API_KEY_REVOKED, "key", key_id, before={"name": row.name, "scopes": row.scopes})
    return repository.key_of(row)


def _require_no_more_than_own(session: WriteSession, new: NewApiKey) -> None:
    """A key that makes keys could else outgrow, or outlive, what its owner gave it."""
    credential = session.principal.credential
    if credential is None or credential.kind is not CredentialKind.API_KEY:
        return
    if not new.scopes <= credential.scopes:
        raise Forbidden(
            "A key cannot make one with more scopes than its own.", remedy="Sign in to make that key."
        )
    ends = repository.one(session, credential.id).expires_at
    if ends is not None and (new.expires_at is None or new.expires_at > ends):
        raise Forbidden(
            "A key cannot make one that lasts longer than itself.", remedy=f"Let it end by {_text(ends)}."
        )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
