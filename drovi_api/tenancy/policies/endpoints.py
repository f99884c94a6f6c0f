"""Routes of policies."""

from __future__ import annotations

from drovi_api.dependencies import Reads, Runtime, Writes, feature, requires
from drovi_api.errors import problem_responses
from drovi_api.tenancy.policies import service
from drovi_api.tenancy.policies.schemas import PolicySettings
from resources.permissions import Permission

router = feature("/policies", "organisation")


@router.get("", operation_id="get_policies", summary="Read the policies")
def get_policies(session: Reads) -> PolicySettings:
    """What the organisation allows, for every member to know."""
    return service.current(session)


@router.put("", operation_id="set_policies", summary="Set the policies", responses=problem_responses(409))
@requires(Permission.MANAGE_POLICIES)
def set_policies(session: Writes, runtime: Runtime, body: PolicySettings) -> PolicySettings:
    """Replace all of them. They hold at once: shorter sessions end, sources that may not be connected are refused."""
    return service.replace(session, runtime, body)
