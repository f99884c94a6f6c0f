"""Every operation of the API as a case that each kind of caller is tried with.

``test_callers`` runs them and fails for an operation of the OpenAPI document that has no case here.
"""

from __future__ import annotations

import itertools
from typing import Any

from tests.api.case import Case, Reach
from tests.api.organisation_cases import DUTIES, WEBHOOKS

_numbers = itertools.count()
_periods = itertools.cycle(("daily", "weekly"))  # what is chosen already is no change

_mornings = itertools.cycle(("0 7 * * 1-5", "0 8 * * 1-5"))


def _new_connection() -> dict[str, Any]:
    return {"connector": "postgres", "name": f"Ledger {next(_numbers)}", "config": POSTGRES_CONFIG}


POSTGRES_CONFIG: dict[str, Any] = {
    "host": "db.example",
    "database": "ledger",
    "user": "reader",
    "password": "s3cr3t-p4ssw0rd",
    "tables": [{"table": "invoice", "key": ["id"]}],
}


def _invitation() -> dict[str, Any]:
    return {"email": f"guest-{next(_numbers)}@cases.example", "role": "MEMBER"}


POLICIES: dict[str, Any] = {
    "allowed_connectors": None,
    "default_visibility": "ORG_SHARED",
    "allowed_email_domains": [],
    "session_hours": 12,
    "second_factor_required": False,
    "retention_days": {},
}

_ENTRANCE = {
    "sign_up": ("POST", "/api/v1/auth/sign-up"),
    "complete_sign_up": ("POST", "/api/v1/auth/sign-up/complete"),
    "sign_in": ("POST", "/api/v1/auth/sign-in"),
    "give_second_factor": ("POST", "/api/v1/auth/sign-in/second-factor"),
    "sign_out": ("POST", "/api/v1/auth/sign-out"),
    "get_session": ("GET", "/api/v1/auth/session"),
    "switch_organisation": ("POST", "/api/v1/auth/session/organisation"),
    "list_sessions": ("GET", "/api/v1/auth/sessions"),
    "revoke_session": ("DELETE", "/api/v1/auth/sessions/{id}"),
    "revoke_other_sessions": ("DELETE", "/api/v1/auth/sessions"),
    "forgot_password": ("POST", "/api/v1/auth/password/forgotten"),
    "reset_password": ("POST", "/api/v1/auth/password/reset"),
    "change_password": ("POST", "/api/v1/auth/password/change"),
    "preview_invitation": ("POST", "/api/v1/auth/invitations/preview"),
    "accept_invitation": ("POST", "/api/v1/auth/invitations/accept"),
    "found_organisation": ("POST", "/api/v1/auth/organisations"),
    "get_second_factor": ("GET", "/api/v1/auth/second-factor"),
    "begin_second_factor": ("POST", "/api/v1/auth/second-factor/begin"),
    "confirm_second_factor": ("POST", "/api/v1/auth/second-factor/confirm"),
    "disable_second_factor": ("POST", "/api/v1/auth/second-factor/disable"),
    "renew_recovery_codes": ("POST", "/api/v1/auth/second-factor/recovery-codes"),
    "request_email_change": ("POST", "/api/v1/auth/email"),
    "confirm_email_change": ("POST", "/api/v1/auth/email/confirm"),
    "get_single_sign_on": ("GET", "/api/v1/auth/oidc"),
    "start_single_sign_on": ("GET", "/api/v1/auth/oidc/start"),
    "finish_single_sign_on": ("GET", "/api/v1/auth/oidc/callback"),
    "update_profile": ("PATCH", "/api/v1/auth/me"),
}

CASES = (
    *(Case(name, method, path, Reach.ENTRANCE) for name, (method, path) in _ENTRANCE.items()),
    Case("get_health", "GET", "/health", Reach.OPEN),
    Case("get_metrics", "GET", "/metrics", Reach.OPEN),
    Case("get_me", "GET", "/api/v1/auth/me", Reach.CALLER),
    Case("get_organisation", "GET", "/api/v1/organisation", Reach.CALLER),
    Case(
        "update_organisation",
        "PATCH",
        "/api/v1/organisation",
        Reach.CALLER,
        body=lambda: {"name": "Cabinet Morel & Associés"},
        writes=True,
    ),
    Case("get_policies", "GET", "/api/v1/policies", Reach.CALLER),
    Case("set_policies", "PUT", "/api/v1/policies", Reach.CALLER, body=lambda: POLICIES, writes=True),
    Case("list_members", "GET", "/api/v1/members", Reach.CALLER),
    Case(
        "change_member_role",
        "PATCH",
        "/api/v1/members/{id}",
        Reach.PEOPLE,
        body=lambda: {"role": "VIEWER"},
        writes=True,
    ),
    Case("remove_member", "DELETE", "/api/v1/members/{id}", Reach.PEOPLE, writes=True),
    Case("leave_organisation", "POST", "/api/v1/members/leave", Reach.PEOPLE, writes=True),
    Case(
        "invite_member",
        "POST",
        "/api/v1/invitations",
        Reach.CALLER,
        body=_invitation,
        status=201,
        writes=True,
    ),
    Case(
        "invite_members",
        "POST",
        "/api/v1/invitations/bulk",
        Reach.CALLER,
        body=lambda: {"csv": "email,role\nguests@cases.example,VIEWER\n"},
        writes=True,
    ),
    Case("list_invitations", "GET", "/api/v1/invitations", Reach.CALLER, viewer=403),
    Case("resend_invitation", "POST", "/api/v1/invitations/{id}/resend", Reach.PEOPLE, writes=True),
    Case("revoke_invitation", "DELETE", "/api/v1/invitations/{id}", Reach.PEOPLE, writes=True),
    Case(
        "create_api_key",
        "POST",
        "/api/v1/keys",
        Reach.CALLER,
        body=lambda: {"name": "Reports", "scopes": ["read"]},
        status=201,
        writes=True,
        viewer=201,
    ),
    Case("list_api_keys", "GET", "/api/v1/keys", Reach.CALLER),
    Case("revoke_api_key", "DELETE", "/api/v1/keys/{id}", Reach.PEOPLE, writes=True),
    Case("list_audit_entries", "GET", "/api/v1/audit", Reach.CALLER, viewer=403),
    Case(
        "create_connection",
        "POST",
        "/api/v1/connections",
        Reach.CALLER,
        body=_new_connection,
        status=201,
        writes=True,
    ),
    Case("list_connections", "GET", "/api/v1/connections", Reach.LIST),
    Case("watch_connections", "GET", "/api/v1/connections/events", Reach.STREAM),
    Case("get_connection", "GET", "/api/v1/connections/{id}", Reach.ONE, lambda w: w.shared.connection_id),
    Case(
        "update_connection",
        "PATCH",
        "/api/v1/connections/{id}",
        Reach.ONE,
        lambda w: w.spare_id,
        body=lambda: {"rhythm": {"cron": next(_mornings), "timezone": "Europe/Paris"}},
        writes=True,
    ),
    Case("get_intake", "GET", "/api/v1/connections/{id}/intake", Reach.ONE, lambda w: w.shared.connection_id),
    Case(
        "replace_intake_secret",
        "POST",
        "/api/v1/connections/{id}/intake/secret",
        Reach.ONE,
        lambda w: w.shared.connection_id,
        body=lambda: {"overlap_hours": 1},
        status=201,
        writes=True,
    ),
    Case("receive_webhook", "POST", "/webhooks/v1/{token}", Reach.SIGNED, status=202),
    Case(
        "sync_connection",
        "POST",
        "/api/v1/connections/{id}/sync",
        Reach.ONE,
        lambda w: w.shared.connection_id,
        status=202,
        writes=True,
    ),
    Case(
        "backfill_connection",
        "POST",
        "/api/v1/connections/{id}/backfill",
        Reach.ONE,
        lambda w: w.shared.connection_id,
        body=lambda: {"stream": "files", "window": {"start": "2024-01-01", "end": "2024-07-01"}},
        status=202,
        writes=True,
    ),
    Case(
        "set_connection_visibility",
        "POST",
        "/api/v1/connections/{id}/visibility",
        Reach.ONE,
        lambda w: w.spare_id,
        body=lambda: {"visibility": "PRIVATE"},
        writes=True,
    ),
    Case(
        "pause_connection",
        "POST",
        "/api/v1/connections/{id}/pause",
        Reach.ONE,
        lambda w: w.spare_id,
        writes=True,
    ),
    Case(
        "resume_connection",
        "POST",
        "/api/v1/connections/{id}/resume",
        Reach.ONE,
        lambda w: w.spare_id,
        writes=True,
    ),
    Case("list_items", "GET", "/api/v1/items", Reach.LIST),
    Case("get_item", "GET", "/api/v1/items/{id}", Reach.ONE, lambda w: w.shared.item_id),
    Case("get_document", "GET", "/api/v1/documents/{id}", Reach.ONE, lambda w: w.shared.document_id),
    Case(
        "list_document_blocks",
        "GET",
        "/api/v1/documents/{id}/blocks",
        Reach.ONE,
        lambda w: w.shared.document_id,
    ),
    Case("get_report", "GET", "/api/v1/reports", Reach.CALLER),
    Case("get_report_subscription", "GET", "/api/v1/reports/subscription", Reach.CALLER),
    Case(
        "set_report_subscription",
        "PUT",
        "/api/v1/reports/subscription",
        Reach.CALLER,
        body=lambda: {"period": next(_periods)},
        writes=True,
        viewer=200,
    ),
    Case("find", "POST", "/api/v1/find", Reach.LIST, body=lambda: {"query": "audited accounts"}),
    Case(
        "ask",
        "POST",
        "/api/v1/ask",
        Reach.LIST,
        body=lambda: {"question": "When shall the seller deliver the audited accounts?"},
    ),
    Case("list_objects", "GET", "/api/v1/objects", Reach.LIST),
    Case("get_object", "GET", "/api/v1/objects/{id}", Reach.ONE, lambda w: w.shared.object_id),
    Case("get_evidence", "GET", "/api/v1/evidence/{id}", Reach.ONE, lambda w: w.shared.evidence_id),
    Case("list_jobs", "GET", "/api/v1/jobs", Reach.LIST),
    Case("get_job", "GET", "/api/v1/jobs/{id}", Reach.ONE, lambda w: w.job_id),
    Case(
        "cancel_job",
        "POST",
        "/api/v1/jobs/{id}/cancel",
        Reach.ONE,
        lambda w: w.asked[w.shared.connection_id].waiting_id,
        writes=True,
    ),
    Case(
        "retry_job",
        "POST",
        "/api/v1/jobs/{id}/retry",
        Reach.ONE,
        lambda w: w.asked[w.shared.connection_id].failed_id,
        writes=True,
    ),
    *DUTIES,
    *WEBHOOKS,
)
