"""Every operation of the administration as a request that succeeds, and the chains of the audit log it is written into.

``test_audit`` and ``test_separation`` run them, and fail for an operation of the OpenAPI document that has no case here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyotp

from tests.api.admin.conftest import ADMIN_PASSWORD, AdminBrowser, Site

NEW_PASSWORD = "another lantern, another landing"


Make = Callable[[AdminBrowser, Site], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Case:
    """One operation. ``path`` may hold the names that ``url`` knows; ``make`` gives what is sent with it."""

    method: str
    path: str
    make: Make = lambda _one, _site: {}
    before: Callable[[AdminBrowser, Site], object] = lambda _one, _site: None
    status: int = 200
    organisation: bool = False
    """Whether it concerns the organisation: then it is in that chain too."""

    def url(self, site: Site) -> str:
        return self.path.format(
            org=site.org_id,
            user=site.user_id,
            colleague=site.colleague_id,
            job=site.work.job_id,
            failed=site.work.failed_job_id,
            schedule=site.work.schedule_id,
            switch=site.work.kill_switch_id,
            letter=site.work.dead_letter_id,
        )


def _of_the_organisation(_one: AdminBrowser, site: Site) -> dict[str, Any]:
    return {"json": {"organisation_id": str(site.org_id)}}


def _accepting(_one: AdminBrowser, site: Site) -> dict[str, Any]:
    code = pyotp.TOTP(site.newcomer.secret).now()
    return {"json": {"token": site.invitation, "password": NEW_PASSWORD, "code": code}}


CASES = {
    "admin_sign_in": Case(
        "POST", "/auth/sign-in", lambda one, _: {"json": {"email": one.email, "password": ADMIN_PASSWORD}}
    ),
    "admin_second_factor": Case(
        "POST",
        "/auth/second-factor",
        lambda one, _: {"json": {"code": one.code()}},
        before=lambda one, _: one.password(),
    ),
    "admin_session": Case("GET", "/auth/session"),
    "admin_sign_out": Case("POST", "/auth/sign-out"),
    "admin_change_password": Case(
        "POST",
        "/auth/password",
        lambda _, __: {"json": {"current_password": ADMIN_PASSWORD, "new_password": NEW_PASSWORD}},
    ),
    "admin_open_invitation": Case(
        "POST", "/auth/invitation", lambda _, site: {"json": {"token": site.invitation}}
    ),
    "admin_accept_invitation": Case("POST", "/auth/invitation/accept", _accepting, status=201),
    "admin_list_organisations": Case("GET", "/organisations"),
    "admin_get_organisation": Case("GET", "/organisations/{org}", organisation=True),
    "admin_suspend_organisation": Case("POST", "/organisations/{org}/suspend", organisation=True),
    "admin_resume_organisation": Case(
        "POST",
        "/organisations/{org}/resume",
        before=lambda one, site: one("POST", f"/organisations/{site.org_id}/suspend"),
        organisation=True,
    ),
    "admin_search_users": Case("GET", "/users", lambda _, __: {"params": {"email": "site.example"}}),
    "admin_get_user": Case("GET", "/users/{user}", organisation=True),
    "admin_disable_user": Case("POST", "/users/{user}/disable", organisation=True),
    "admin_enable_user": Case(
        "POST",
        "/users/{user}/enable",
        before=lambda one, site: one("POST", f"/users/{site.user_id}/disable"),
        organisation=True,
    ),
    "admin_end_user_sessions": Case("DELETE", "/users/{user}/sessions", organisation=True),
    "admin_list_jobs": Case("GET", "/jobs", lambda _, __: {"params": {"kind": "export", "status": "queued"}}),
    "admin_cancel_job": Case("POST", "/jobs/{job}/cancel", organisation=True),
    "admin_retry_job": Case("POST", "/jobs/{failed}/retry", organisation=True),
    "admin_replay_job": Case(
        "POST",
        "/jobs/{failed}/replay",
        lambda _, __: {"json": {"arguments": {"limit": 20}}},
        status=201,
        organisation=True,
    ),
    "admin_list_schedules": Case("GET", "/schedules"),
    "admin_pause_schedule": Case("POST", "/schedules/{schedule}/pause", organisation=True),
    "admin_resume_schedule": Case(
        "POST",
        "/schedules/{schedule}/resume",
        before=lambda one, site: one("POST", f"/schedules/{site.work.schedule_id}/pause"),
        organisation=True,
    ),
    "admin_run_schedule": Case("POST", "/schedules/{schedule}/run", organisation=True),
    "admin_list_kill_switches": Case("GET", "/kill-switches"),
    "admin_throw_kill_switch": Case(
        "POST",
        "/kill-switches",
        lambda _, site: {"json": {"organisation_id": str(site.org_id), "reason": "Its source floods us."}},
        status=201,
        organisation=True,
    ),
    "admin_release_kill_switch": Case("DELETE", "/kill-switches/{switch}"),
    "admin_get_event_plane": Case("GET", "/events"),
    "admin_list_dead_letters": Case(
        "GET", "/dead-letters", lambda _, __: {"params": {"topic": "raw.connector.events"}}
    ),
    "admin_get_dead_letter": Case("GET", "/dead-letters/{letter}", organisation=True),
    "admin_replay_dead_letter": Case("POST", "/dead-letters/{letter}/replay", organisation=True),
    "admin_drop_dead_letter": Case(
        "POST",
        "/dead-letters/{letter}/drop",
        lambda _, __: {"json": {"reason": "A test."}},
        organisation=True,
    ),
    "admin_replay_dead_letters": Case(
        "POST", "/dead-letters/replay", _of_the_organisation, organisation=True
    ),
    "admin_drop_dead_letters": Case(
        "POST",
        "/dead-letters/drop",
        lambda _, site: {"json": {"selection": {"organisation_id": str(site.org_id)}, "reason": "A test."}},
        organisation=True,
    ),
    "admin_read_platform_audit": Case("GET", "/audit"),
    "admin_read_organisation_audit": Case("GET", "/audit/organisations/{org}", organisation=True),
    "admin_list_administrators": Case("GET", "/administrators"),
    "admin_invite_administrator": Case(
        "POST", "/administrators", lambda _, __: {"json": {"email": "new@drovi.co"}}, status=202
    ),
    "admin_disable_administrator": Case("POST", "/administrators/{colleague}/disable"),
}
