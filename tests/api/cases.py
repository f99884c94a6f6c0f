"""Every operation of the API as a case that each kind of caller is tried with.

``test_callers`` runs them and fails for an operation of the OpenAPI document that has no case here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID, uuid4

from tests.api.conftest import World

_numbers = itertools.count()
_periods = itertools.cycle(("daily", "weekly"))  # what is chosen already is no change


class Reach(Enum):
    """What an operation touches, which decides what other tenants see."""

    OPEN = "needs no key"
    CALLER = "answers about the caller alone"
    LIST = "lists what the caller may see"
    ONE = "names one thing by its id"
    PEOPLE = "changes who may do what; tests/api/tenancy tries these with people of their own"
    SIGNED = "takes what is signed, whoever sends it; tests/api/webhooks tries these"
    STREAM = "does not end; tests/api/visibility tries these"
    ENTRANCE = "signs people up, in and out; tests/api/auth tries these"


@dataclass(frozen=True, slots=True)
class Case:
    """One operation. ``path`` may hold ``{id}``; ``subject`` picks whose id it is.

    ``administration``: a viewer is refused, though it only reads. ``apart``: what it does to an organisation would
    end the world that other cases stand on, so its success is tried in one of its own.
    """

    operation_id: str
    method: str
    path: str
    reach: Reach
    subject: Callable[[World], UUID] = lambda _: uuid4()
    body: Callable[[], dict[str, Any] | None] = lambda: None
    status: int = 200
    writes: bool = False
    viewer: int = 0
    """What a viewer is answered, where it is neither 200 nor, for one that writes, 403."""
    administration: bool = False
    apart: bool = False

    def url(self, identity: UUID) -> str:
        return self.path.replace("{id}", str(identity))


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

_DUTIES = (
    Case(
        "delete_connection",
        "DELETE",
        "/api/v1/connections/{id}",
        Reach.ONE,
        lambda w: w.spare_id,
        status=202,
        writes=True,
    ),
    Case(
        "erase_member",
        "POST",
        "/api/v1/members/{id}/erasure",
        Reach.ONE,
        lambda w: w.colleague_id,
        status=202,
        writes=True,
    ),
    Case("get_organisation_erasure", "GET", "/api/v1/organisation/erasure", Reach.CALLER),
    Case(
        "schedule_organisation_erasure",
        "POST",
        "/api/v1/organisation/erasure",
        Reach.CALLER,
        body=lambda: {"name": "Cabinet Morel"},
        status=202,
        writes=True,
        apart=True,
    ),
    Case(
        "call_off_organisation_erasure",
        "DELETE",
        "/api/v1/organisation/erasure",
        Reach.CALLER,
        writes=True,
        apart=True,
    ),
    Case("list_erasures", "GET", "/api/v1/erasures", Reach.LIST, administration=True),
    Case(
        "get_erasure",
        "GET",
        "/api/v1/erasures/{id}",
        Reach.ONE,
        lambda w: w.duties.receipt_id,
        administration=True,
    ),
    Case(
        "place_hold",
        "POST",
        "/api/v1/holds",
        Reach.CALLER,
        body=lambda: {"reason": "Morel v. Dubois"},
        status=201,
        writes=True,
        apart=True,
    ),
    Case("list_holds", "GET", "/api/v1/holds", Reach.LIST, administration=True),
    Case(
        "release_hold",
        "POST",
        "/api/v1/holds/{id}/release",
        Reach.ONE,
        lambda w: w.duties.hold_id,
        writes=True,
    ),
    Case("request_export", "POST", "/api/v1/exports", Reach.CALLER, status=202, writes=True),
    Case("list_exports", "GET", "/api/v1/exports", Reach.LIST, administration=True),
    Case(
        "get_export",
        "GET",
        "/api/v1/exports/{id}",
        Reach.ONE,
        lambda w: w.duties.export_id,
        administration=True,
    ),
    Case(
        "download_export_part",
        "GET",
        "/api/v1/exports/{id}/parts/members.csv",
        Reach.ONE,
        lambda w: w.duties.export_id,
        administration=True,
    ),
)

_WEBHOOKS = (
    Case(
        "create_webhook",
        "POST",
        "/api/v1/webhooks",
        Reach.CALLER,
        body=lambda: {"url": "https://hooks.example/drovi", "event_types": ["objects.changed"]},
        status=201,
        writes=True,
    ),
    Case("list_webhooks", "GET", "/api/v1/webhooks", Reach.LIST, administration=True),
    Case(
        "get_webhook", "GET", "/api/v1/webhooks/{id}", Reach.ONE, lambda w: w.webhook_id, administration=True
    ),
    Case(
        "update_webhook",
        "PATCH",
        "/api/v1/webhooks/{id}",
        Reach.ONE,
        lambda w: w.webhook_id,
        body=lambda: {"description": "The portal of the firm"},
        writes=True,
    ),
    Case(
        "delete_webhook",
        "DELETE",
        "/api/v1/webhooks/{id}",
        Reach.ONE,
        lambda w: w.spare_webhook_id,
        writes=True,
    ),
    Case(
        "replace_webhook_secret",
        "POST",
        "/api/v1/webhooks/{id}/secret",
        Reach.ONE,
        lambda w: w.webhook_id,
        body=dict,
        status=201,
        writes=True,
    ),
    Case(
        "ping_webhook",
        "POST",
        "/api/v1/webhooks/{id}/ping",
        Reach.ONE,
        lambda w: w.webhook_id,
        status=202,
        writes=True,
    ),
    Case(
        "list_webhook_deliveries",
        "GET",
        "/api/v1/webhooks/{id}/deliveries",
        Reach.ONE,
        lambda w: w.webhook_id,
        administration=True,
    ),
    Case(
        "redeliver_webhook",
        "POST",
        "/api/v1/webhook-deliveries/{id}/redeliver",
        Reach.ONE,
        lambda w: w.delivery_id,
        status=202,
        writes=True,
    ),
)

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
    *_DUTIES,
    *_WEBHOOKS,
)
