"""The rules of kill switches."""

from __future__ import annotations

from uuid import UUID

from drovi_api.admin.dependencies import Act
from drovi_api.admin.kill_switches import repository
from drovi_api.admin.kill_switches.schemas import KillSwitch, KillSwitches, NewKillSwitch
from drovi_api.admin.organisations import repository as organisations
from drovi_assets.connectors.registry import CONNECTORS
from resources.audit import PLATFORM, Action
from resources.errors import Conflict, Invalid, NotFound


def listed(act: Act) -> KillSwitches:
    """All that are thrown: a handful."""
    found = repository.thrown(act.connection)
    act.audit(Action.ADMIN_KILL_SWITCHES_LISTED, "platform", PLATFORM)
    return KillSwitches(items=found)


def throw(act: Act, wanted: NewKillSwitch) -> KillSwitch:
    """Stop something.

    Raises:
        Invalid: it names two things, or something that there is not.
        Conflict: it is stopped already.
    """
    if wanted.connector is not None and wanted.organisation_id is not None:
        raise Invalid("A kill switch stops one thing.", remedy="Name a connector or an organisation.")
    if wanted.connector is not None and wanted.connector not in CONNECTORS:
        raise Invalid(
            f"There is no connector {wanted.connector!r}.",
            remedy=f"Name one of {', '.join(sorted(CONNECTORS))}.",
        )
    if wanted.organisation_id is not None:
        _require_organisation(act, wanted.organisation_id)
    made = repository.throw(act.connection, wanted, act.session.email)
    if made is None:
        raise Conflict("A switch stops that already.", remedy="See which are thrown.")
    _tell(act, Action.KILL_SWITCH_THROWN, made)
    return made


def release(act: Act, switch_id: UUID) -> KillSwitch:
    """Let what a switch stopped go on, from where it stands. Raises ``NotFound``."""
    gone = repository.release(act.connection, switch_id)
    _tell(act, Action.KILL_SWITCH_RELEASED, gone)
    return gone


def _require_organisation(act: Act, org_id: UUID) -> None:
    try:
        organisations.one(act.connection, org_id)
    except NotFound as error:
        raise Invalid(error.message, remedy="Check the id.") from None


def _tell(act: Act, action: Action, switch: KillSwitch) -> None:
    act.audit(
        action,
        "kill_switch",
        switch.id,
        organisations=[switch.organisation_id] if switch.organisation_id else [],
        after={
            "connector": switch.connector,
            "organisation_id": str(switch.organisation_id) if switch.organisation_id else None,
            "reason": switch.reason,
        },
    )
