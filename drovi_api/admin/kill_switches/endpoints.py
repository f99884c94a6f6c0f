"""Routes of kill switches."""

from __future__ import annotations

from uuid import UUID

from drovi_api.admin.dependencies import Acts, feature
from drovi_api.admin.kill_switches import service
from drovi_api.admin.kill_switches.schemas import KillSwitch, KillSwitches, NewKillSwitch
from drovi_api.errors import problem_responses

router = feature("/kill-switches", "kill switches")


@router.get("", operation_id="admin_list_kill_switches", summary="List kill switches")
def admin_list_kill_switches(act: Acts) -> KillSwitches:
    """All that are thrown, the oldest first."""
    return service.listed(act)


@router.post(
    "",
    operation_id="admin_throw_kill_switch",
    summary="Throw a kill switch",
    status_code=201,
    responses=problem_responses(409),
)
def admin_throw_kill_switch(act: Acts, body: NewKillSwitch) -> KillSwitch:
    """Have one kind of source, one organisation or everything stand still, within a tick. Nothing is lost or failed."""
    return service.throw(act, body)


@router.delete(
    "/{kill_switch_id}",
    operation_id="admin_release_kill_switch",
    summary="Release a kill switch",
    responses=problem_responses(404),
)
def admin_release_kill_switch(act: Acts, kill_switch_id: UUID) -> KillSwitch:
    """What it stopped goes on from where it stands, unless another switch stops it too."""
    return service.release(act, kill_switch_id)
