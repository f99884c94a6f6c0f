"""API keys: shown once, worth no more than what they were made with, over when they are over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from resources.organisations import hash_key
from resources.schema import api_key
from resources.tenancy import Role
from tests.api.auth.conftest import Browser
from tests.api.conftest import Caller
from tests.api.tenancy.conftest import Firm

PATH = "/api/v1/keys"
ME = "/api/v1/auth/me"


def _new(caller: Caller, *scopes: str, **more: Any) -> dict[str, Any]:
    answer = caller("POST", PATH, json={"name": "Reports", "scopes": scopes or ["read"], **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def _with(caller: Caller, key: str) -> Callable[..., Any]:
    """The caller, showing another key."""
    return lambda method, path, **kwargs: caller(
        method, path, headers={"Authorization": f"Bearer {key}"}, **kwargs
    )


def test_nobody_elses_key_can_be_seen_or_revoked(firm: Firm, other: Caller) -> None:
    """By another organisation, by a colleague, or by the organisation's owner: it answers as a missing one."""
    colleague = firm.colleague()
    made = _new(colleague)
    for stranger in (other, firm.owner, firm.colleague(Role.ADMIN)):
        theirs = stranger("DELETE", f"{PATH}/{made['id']}")
        missing = stranger("DELETE", f"{PATH}/{uuid4()}")
        assert theirs.status_code == missing.status_code == 404
        assert theirs.json() | {"request_id": ""} == missing.json() | {"request_id": ""}
        assert made["id"] not in stranger("GET", PATH).text
    assert _with(colleague, made["key"])("GET", ME).status_code == 200


def test_a_key_is_shown_once_and_kept_as_a_hash(firm: Firm) -> None:
    made = _new(firm.owner, "write", "read", name="  Nightly ")
    assert made["key"].startswith("drovi_")
    assert (made["name"], made["scopes"], made["last_used_at"]) == ("Nightly", ["read", "write"], None)
    listed = firm.owner("GET", PATH)
    assert made["key"] not in listed.text
    assert "hash" not in listed.text
    shown = {name: value for name, value in made.items() if name != "key"}
    assert shown in listed.json()["items"]
    with firm.database.worker.organisation(firm.org_id) as session:
        hashes = session.execute(select(api_key.c.key_hash)).scalars().all()
    assert hash_key(made["key"]) in [bytes(one) for one in hashes]
    (entry,) = firm.audited("api_key.created")
    assert entry["after"] == {"name": "Nightly", "scopes": ["read", "write"], "expires_at": None}
    assert made["key"] not in str(entry)


def test_a_key_acts_as_its_owner_and_says_so_in_the_audit_log(firm: Firm) -> None:
    made = _new(firm.owner, "manage")
    renamed = _with(firm.owner, made["key"])("PATCH", "/api/v1/organisation", json={"name": "By key"})
    assert renamed.status_code == 200
    (entry,) = firm.audited("organisation.updated")
    assert (entry["actor_kind"], entry["actor_id"]) == ("api_key", str(firm.owner.tenant.principal.user_id))


def test_the_last_use_is_kept(firm: Firm) -> None:
    made = _new(firm.owner)
    assert _with(firm.owner, made["key"])("GET", ME).status_code == 200
    (shown,) = [one for one in firm.owner("GET", PATH).json()["items"] if one["id"] == made["id"]]
    assert shown["last_used_at"] is not None


def test_what_is_over_opens_nothing(firm: Firm) -> None:
    """Revoked at once; expired to the moment."""
    revoked, expired = _new(firm.owner), _new(firm.owner, expires_at=_in(hours=1))
    assert firm.owner("DELETE", f"{PATH}/{revoked['id']}").status_code == 200
    assert firm.owner("DELETE", f"{PATH}/{revoked['id']}").status_code == 404
    assert _with(firm.owner, revoked["key"])("GET", ME).status_code == 401
    assert _with(firm.owner, expired["key"])("GET", ME).status_code == 200
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            text("UPDATE api_key SET expires_at = now() - interval '1 second' WHERE id = :id"),
            {"id": expired["id"]},
        )
    assert _with(firm.owner, expired["key"])("GET", ME).status_code == 401
    listed = [one["id"] for one in firm.owner("GET", PATH).json()["items"]]
    assert expired["id"] in listed
    assert revoked["id"] not in listed
    assert len(firm.audited("api_key.revoked")) == 1


def test_a_key_makes_none_that_is_worth_more_than_itself(firm: Firm) -> None:
    """Neither in scopes nor in time: whoever finds it could else outlive its end."""
    end = _in(days=1)
    manager = _with(firm.owner, _new(firm.owner, "manage", "read", expires_at=end)["key"])
    for body, status in (
        ({"scopes": ["write"], "expires_at": end}, 403),
        ({"scopes": ["read", "write", "manage"], "expires_at": end}, 403),
        ({"scopes": ["read"]}, 403),
        ({"scopes": ["read"], "expires_at": _in(days=2)}, 403),
        ({"scopes": ["read"], "expires_at": _in(hours=1)}, 201),
    ):
        assert manager("POST", PATH, json={"name": "Child", **body}).status_code == status, body
    reader = _with(firm.owner, _new(firm.owner, "read")["key"])
    assert reader("POST", PATH, json={"name": "Child", "scopes": ["read"]}).status_code == 403


def test_a_session_makes_a_key_of_any_scope_for_the_organisation_it_works_in(
    person: Callable[[str], Browser],
) -> None:
    one = person("maker@keys.example")
    answer = one("POST", "/keys", json={"name": "All", "scopes": ["read", "write", "manage"]})
    assert answer.status_code == 201
    assert one("POST", "/auth/organisations", json={"name": "Elsewhere"}).status_code == 201
    assert one("GET", "/keys").json()["items"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["everything"]},
        {"name": ""},
        {"name": "two\nlines"},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"expires_at": "2099-01-01T00:00:00"},
    ],
)
def test_what_cannot_be_a_key_is_refused(firm: Firm, wrong: dict[str, Any]) -> None:
    refused = firm.owner("POST", PATH, json={"name": "Key", "scopes": ["read"]} | wrong)
    assert (refused.status_code, refused.json()["code"]) == (422, "VALIDATION_ERROR")


def _in(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()
