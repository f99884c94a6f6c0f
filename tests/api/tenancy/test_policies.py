"""What an organisation allows: set by its owners, known to all, and enforced where it bites."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pyotp
import pytest
from sqlalchemy import text

from drovi_api.runtime import ApiRuntime
from resources.identity import second_factor
from resources.tenancy import Role
from tests.api.auth.conftest import Browser
from tests.api.cases import POLICIES, POSTGRES_CONFIG
from tests.api.tenancy.conftest import Firm
from tests.conftest import Database

PATH = "/api/v1/policies"


def _connect(firm: Firm, name: str, **more: Any) -> Any:
    body = {"connector": "postgres", "name": name, "config": POSTGRES_CONFIG}
    return firm.owner("POST", "/api/v1/connections", json=body | more)


def test_the_defaults_hold_until_somebody_says_otherwise(firm: Firm) -> None:
    assert firm.colleague(Role.VIEWER)("GET", PATH).json() == POLICIES


def test_what_was_set_stands_and_only_what_changed_is_written_down(firm: Firm) -> None:
    wanted = POLICIES | {
        "session_hours": 8,
        "retention_days": {"message": 365},
        "allowed_email_domains": ["A.example"],
    }
    stands = firm.owner("PUT", PATH, json=wanted).json()
    assert stands == wanted | {"allowed_email_domains": ["a.example"]}
    assert firm.colleague()("GET", PATH).json() == stands
    (entry,) = firm.audited("organisation.policies_changed")
    assert entry["before"] == {"session_hours": 12, "retention_days": {}, "allowed_email_domains": []}
    assert entry["after"] == {name: stands[name] for name in entry["before"]}
    assert firm.owner("PUT", PATH, json=stands).json() == stands
    assert len(firm.audited("organisation.policies_changed")) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"allowed_connectors": ["telepathy"]},
        {"allowed_email_domains": ["not a domain"]},
        {"allowed_email_domains": ["a@b.example"]},
        {"default_visibility": "PUBLIC"},
        {"session_hours": 0},
        {"session_hours": 721},
        {"retention_days": {"gossip": 1}},
        {"retention_days": {"message": 0}},
        {"surprise": True},
    ],
)
def test_what_cannot_be_a_policy_is_refused(firm: Firm, wrong: dict[str, Any]) -> None:
    refused = firm.owner("PUT", PATH, json=POLICIES | wrong)
    assert (refused.status_code, refused.json()["code"]) == (422, "VALIDATION_ERROR")
    assert firm.owner("GET", PATH).json() == POLICIES


@pytest.mark.parametrize("left_out", POLICIES)
def test_nothing_is_guessed(firm: Firm, left_out: str) -> None:
    """A policy that a client does not know of yet is not put back to its default by it."""
    rest = {name: value for name, value in POLICIES.items() if name != left_out}
    assert firm.owner("PUT", PATH, json=rest).status_code == 422


def test_a_source_that_is_not_allowed_is_not_connected(firm: Firm) -> None:
    """By nobody, owners included; none at all where the list is empty."""
    for allowed, status in (["documents"], 403), ([], 403), (["postgres"], 201):
        firm.set_policies(allowed_connectors=allowed)
        assert _connect(firm, "Ledger").status_code == status


def test_a_source_without_a_visibility_gets_the_organisations(firm: Firm) -> None:
    """What is said counts."""
    assert _connect(firm, "A").json()["visibility"] == "ORG_SHARED"
    firm.set_policies(default_visibility="PRIVATE")
    private = _connect(firm, "B").json()
    assert private["visibility"] == "PRIVATE"
    assert firm.colleague(Role.ADMIN)("GET", f"/api/v1/connections/{private['id']}").status_code == 404
    assert _connect(firm, "C", visibility="ORG_SHARED").json()["visibility"] == "ORG_SHARED"


def test_a_shorter_session_length_ends_open_sessions(
    person: Callable[[str], Browser], api_database: Database
) -> None:
    one = person("short@policies.example")
    with api_database.identity.transaction() as session:
        session.execute(
            text(
                "UPDATE user_session s SET created_at = s.created_at - interval '2 hours' FROM app_user u"
                " WHERE u.id = s.user_id AND u.email = :email"
            ),
            {"email": one.email},
        )
    assert one("PUT", "/policies", json=POLICIES | {"session_hours": 3}).status_code == 200
    assert one("GET", "/auth/me").status_code == 200
    assert one("PUT", "/policies", json=POLICIES | {"session_hours": 1}).status_code == 200
    assert one("GET", "/auth/me").status_code == 401


def test_who_asks_all_for_a_second_factor_has_one(
    person: Callable[[str], Browser], runtime: ApiRuntime
) -> None:
    """They would lock themselves out, and nobody could take it back."""
    one = person("careful@policies.example")
    wanted = POLICIES | {"second_factor_required": True}
    refused = one("PUT", "/policies", json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert "second factor" in refused.json()["detail"]
    assert one("GET", "/policies").json() == POLICIES
    user_id = UUID(one("GET", "/auth/me").json()["user"]["id"])
    with runtime.identity.transaction() as session:
        enrolment = second_factor.begin(session, runtime.secrets, user_id, one.email)
        second_factor.confirm(session, runtime.secrets, user_id, pyotp.TOTP(enrolment.secret).now())
    assert one("PUT", "/policies", json=wanted).status_code == 200
    # This session gave none: it is asked for one from now on.
    assert one("GET", "/policies").status_code == 403
