"""Routes of API keys."""

from __future__ import annotations

from uuid import UUID

from drovi_api.dependencies import Reads, Writes, feature, requires
from drovi_api.errors import problem_responses
from drovi_api.pagination import DEFAULT_LIMIT, CursorText, Limit, Page
from drovi_api.tenancy.keys import repository, service
from drovi_api.tenancy.keys.schemas import ApiKey, CreatedApiKey, NewApiKey
from resources.permissions import Permission

router = feature("/keys", "keys")


@router.post("", operation_id="create_api_key", summary="Make an API key", status_code=201)
@requires(Permission.MANAGE_OWN_KEYS)
def create_api_key(session: Writes, body: NewApiKey) -> CreatedApiKey:
    """Make a key that acts as the caller, within its scopes, in this organisation. It is shown this once."""
    return service.create(session, body)


@router.get("", operation_id="list_api_keys", summary="List one's API keys")
@requires(Permission.MANAGE_OWN_KEYS)
def list_api_keys(session: Reads, cursor: CursorText = None, limit: Limit = DEFAULT_LIMIT) -> Page[ApiKey]:
    """The caller's own, expired ones included, newest first."""
    return repository.page(session, cursor, limit)


@router.delete(
    "/{key_id}",
    operation_id="revoke_api_key",
    summary="Revoke an API key",
    responses=problem_responses(404),
)
@requires(Permission.MANAGE_OWN_KEYS)
def revoke_api_key(session: Writes, key_id: UUID) -> ApiKey:
    """It opens nothing from now on."""
    return service.revoke(session, key_id)
