"""The rules of setting policies."""

from __future__ import annotations

from dataclasses import asdict

from drovi_api.dependencies import ReadSession, WriteSession
from drovi_api.runtime import ApiRuntime
from drovi_api.tenancy.policies.schemas import PolicySettings
from resources import policies
from resources.audit import Action
from resources.errors import Conflict
from resources.identity import people
from resources.policies import Policies, policies_of


def current(session: ReadSession) -> PolicySettings:
    """The policies as they stand."""
    return _shown(policies_of(session.connection, session.principal.org_id))


def replace(session: WriteSession, runtime: ApiRuntime, given: PolicySettings) -> PolicySettings:
    """Put these in the place of what stood.

    Raises:
        Conflict: they ask for a second factor that the caller has not set up, and would lock them out.
    """
    org_id = session.principal.org_id
    before = policies_of(session.connection, org_id)
    after = Policies(**given.model_dump())
    if after == before:
        return _shown(before)
    if after.second_factor_required and not before.second_factor_required:
        _require_own_second_factor(session, runtime)
    policies.store(session.connection, org_id, after)
    old, new = asdict(before), asdict(after)
    changed = [name for name in old if old[name] != new[name]]
    session.audit(
        Action.ORGANISATION_POLICIES_CHANGED,
        "organisation",
        org_id,
        before={name: old[name] for name in changed},
        after={name: new[name] for name in changed},
    )
    return _shown(after)


def _require_own_second_factor(session: WriteSession, runtime: ApiRuntime) -> None:
    with runtime.identity.transaction() as connection:  # whether a person has one is that role's to see
        person = people.by_id(connection, session.principal.user_id)
    if person is None or not person.second_factor:
        raise Conflict(
            "You have no second factor yourself, and would be locked out.",
            remedy="Set one up under your account's security first.",
        )


def _shown(stands: Policies) -> PolicySettings:
    return PolicySettings.model_construct(**asdict(stands))
