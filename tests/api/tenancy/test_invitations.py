"""From an invitation to a member: by the address it was sent to, once, and while those who sent it may."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from sqlalchemy import text

from resources.tenancy import Role
from tests.api.auth.conftest import PASSWORD, Browser, Letters
from tests.api.cases import POSTGRES_CONFIG
from tests.api.conftest import Caller
from tests.api.tenancy.conftest import Firm, id_of

INVITATIONS = "/api/v1/invitations"


def invite(caller: Caller, email: str, role: str = "MEMBER", **more: Any) -> httpx.Response:
    return caller("POST", INVITATIONS, json={"email": email, "role": role, **more})


def accept(browser: Browser, token: str, **more: Any) -> httpx.Response:
    return browser("POST", "/auth/invitations/accept", json={"token": token, **more})


def accept_as_new(browser: Browser, token: str) -> httpx.Response:
    return accept(browser, token, name="Zoé Petit", password=PASSWORD)


@pytest.mark.parametrize(("method", "path"), [("POST", "/resend"), ("DELETE", "")])
def test_another_organisations_invitation_answers_as_a_missing_one(
    firm: Firm, other: Caller, method: str, path: str
) -> None:
    invited = invite(firm.owner, "theirs@invited.example").json()
    theirs = other(method, f"{INVITATIONS}/{invited['id']}{path}")
    missing = other(method, f"{INVITATIONS}/{uuid4()}{path}")
    assert theirs.status_code == missing.status_code == 404
    assert theirs.json() | {"request_id": ""} == missing.json() | {"request_id": ""}
    assert invited["email"] not in other("GET", INVITATIONS).text


def test_somebody_new_joins_with_a_name_and_a_password(
    firm: Firm, browser: Callable[[], Browser], letters: Letters
) -> None:
    """Following the link proves the address; they are signed in where they were invited to, and nowhere else."""
    invited = invite(firm.owner, "Zoe@Invited.example", "ADMIN", name="Zoé")
    assert invited.status_code == 201
    (letter,) = letters.to("zoe@invited.example")
    assert set(letter.values) == {"inviter", "organisation", "role", "valid_for", "link"}
    token, zoe = letters.token("zoe@invited.example"), browser()
    shown = zoe("POST", "/auth/invitations/preview", json={"token": token}).json()
    assert shown == {
        "organisation": letter.values["organisation"],
        "inviter": "Owner",
        "role": "ADMIN",
        "email": "zoe@invited.example",
        "name": "Zoé",
        "has_account": False,
    }
    joined = accept_as_new(zoe, token)
    assert joined.status_code == 200, joined.text
    assert joined.json()["organisation_id"] == str(firm.org_id)
    me = zoe("GET", "/auth/me").json()
    assert (me["user"]["name"], me["role"]) == ("Zoé Petit", "ADMIN")
    assert browser().sign_in("zoe@invited.example").status_code == 200
    assert firm.owner("GET", INVITATIONS).json()["items"] == []
    (invitation,), (entry,) = firm.audited("member.invited"), firm.audited("member.joined")
    assert invitation["after"] == {"email": "zoe@invited.example", "role": "ADMIN"}
    assert entry["actor_label"] == "zoe@invited.example"
    assert entry["after"] == {"role": "ADMIN", "invitation_id": invited.json()["id"]}


def test_what_a_new_member_connects_privately_is_theirs(
    firm: Firm, browser: Callable[[], Browser], letters: Letters
) -> None:
    """They came with audiences: the organisation's, and one of their own."""
    invite(firm.owner, "own@invited.example")
    new = browser()
    accept_as_new(new, letters.token("own@invited.example"))
    body = {"connector": "postgres", "name": "Mine", "visibility": "PRIVATE", "config": POSTGRES_CONFIG}
    created = new("POST", "/connections", json=body)
    assert created.status_code == 201
    assert new("GET", f"/connections/{created.json()['id']}").status_code == 200
    assert firm.owner("GET", f"/api/v1/connections/{created.json()['id']}").status_code == 404


def test_an_invitation_works_once(firm: Firm, browser: Callable[[], Browser], letters: Letters) -> None:
    invite(firm.owner, "once@invited.example")
    token = letters.token("once@invited.example")
    assert accept_as_new(browser(), token).status_code == 200
    for path in ("preview", "accept"):
        again = browser()("POST", f"/auth/invitations/{path}", json={"token": token})
        assert (again.status_code, again.json()["code"]) == (422, "VALIDATION_ERROR")


def test_of_two_acceptances_at_once_one_wins(
    firm: Firm, browser: Callable[[], Browser], letters: Letters
) -> None:
    """One account, one membership, one entry."""
    invite(firm.owner, "twice@invited.example")
    token = letters.token("twice@invited.example")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda one: accept_as_new(one, token), [browser() for _ in range(4)]))
    assert sorted(answer.status_code for answer in answers) == [200, 422, 422, 422]
    assert len(firm.audited("member.joined")) == 1


def test_what_is_over_opens_nothing(firm: Firm, browser: Callable[[], Browser], letters: Letters) -> None:
    """Revoked, expired, replaced by a newer one, and made up: all answer alike."""
    tokens = {"made up": "x" * 43}
    for what in ("revoked", "expired", "replaced"):
        invited = invite(firm.owner, f"{what}@over.example").json()
        tokens[what] = letters.token(f"{what}@over.example")
        if what == "revoked":
            assert firm.owner("DELETE", f"{INVITATIONS}/{invited['id']}").status_code == 200
        if what == "expired":
            _let_a_week_pass(firm, invited["id"])
        if what == "replaced":
            assert firm.owner("POST", f"{INVITATIONS}/{invited['id']}/resend").status_code == 200
    answers = [accept_as_new(browser(), token).json() | {"request_id": ""} for token in tokens.values()]
    assert [answer["status"] for answer in answers] == [422] * 4
    assert all(answer == answers[0] for answer in answers)
    assert accept_as_new(browser(), letters.token("replaced@over.example")).status_code == 200
    assert len(firm.audited("member.invitation_revoked")) == 1


def test_what_has_expired_is_shown_and_can_be_sent_again(
    firm: Firm, browser: Callable[[], Browser], letters: Letters
) -> None:
    invited = invite(firm.owner, "late@over.example").json()
    assert not invited["expired"]
    _let_a_week_pass(firm, invited["id"])
    (shown,) = firm.owner("GET", INVITATIONS).json()["items"]
    assert shown["expired"]
    again = firm.owner("POST", f"{INVITATIONS}/{invited['id']}/resend").json()
    assert (again["id"], again["expired"]) == (invited["id"], False)
    assert accept_as_new(browser(), letters.token("late@over.example")).status_code == 200


def _let_a_week_pass(firm: Firm, invitation_id: str) -> None:
    with firm.database.worker.organisation(firm.org_id) as session:
        session.execute(
            text("UPDATE invitation SET expires_at = expires_at - interval '7 days 1 second' WHERE id = :id"),
            {"id": invitation_id},
        )


def test_an_account_is_joined_by_its_owners_sign_in_alone(
    firm: Firm, person: Callable[[str], Browser], browser: Callable[[], Browser], letters: Letters
) -> None:
    """Whoever holds the link can neither set its password nor join another account with it."""
    known, somebody = person("known@invited.example"), person("somebody@invited.example")
    letters.forget()
    invite(firm.owner, known.email)
    token = letters.token(known.email)
    shown = browser()("POST", "/auth/invitations/preview", json={"token": token}).json()
    assert shown["has_account"]
    nobody = accept(browser(), token, name="Mallory", password=PASSWORD[::-1])
    assert (nobody.status_code, nobody.json()["code"]) == (401, "UNAUTHENTICATED")
    assert known.email in nobody.json()["remedy"]
    wrong = accept(somebody, token)
    assert (wrong.status_code, wrong.json()["code"]) == (409, "CONFLICT")
    assert browser().sign_in(known.email).status_code == 200
    assert accept(known, token).status_code == 200
    assert known("GET", "/auth/me").json()["organisation"]["id"] == str(firm.org_id)
    assert len(known("GET", "/auth/session").json()["organisations"]) == 2


@pytest.mark.parametrize(
    "missing", [{}, {"name": "Only"}, {"password": PASSWORD}, {"name": "Weak", "password": "password1234"}]
)
def test_a_refusal_leaves_the_invitation_good(
    firm: Firm, browser: Callable[[], Browser], letters: Letters, missing: dict[str, str]
) -> None:
    email = f"again-{len(str(missing))}@invited.example"
    invite(firm.owner, email)
    token = letters.token(email)
    assert accept(browser(), token, **missing).status_code == 422
    assert accept_as_new(browser(), token).status_code == 200


def test_domains_that_are_not_allowed_are_neither_invited_nor_let_in(
    firm: Firm, browser: Callable[[], Browser], letters: Letters
) -> None:
    """The policy as it stands counts: an invitation from before it opens nothing."""
    invite(firm.owner, "early@elsewhere.example")
    firm.set_policies(allowed_email_domains=["Firm.example"])
    refused = invite(firm.owner, "late@elsewhere.example")
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert invite(firm.owner, "late@sub.firm.example").status_code == 403
    assert invite(firm.owner, "one@firm.example").status_code == 201
    token = letters.token("early@elsewhere.example")
    for path in ("preview", "accept"):
        answer = browser()("POST", f"/auth/invitations/{path}", json={"token": token})
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert accept_as_new(browser(), letters.token("one@firm.example")).status_code == 200


def test_an_invitation_ends_with_its_senders_right_to_send_it(
    firm: Firm, browser: Callable[[], Browser], letters: Letters
) -> None:
    """Who is shown the door leaves no way back in; another may send it again."""
    admin = firm.colleague(Role.ADMIN)
    invited = invite(admin, "backdoor@invited.example", "ADMIN").json()
    firm.owner("DELETE", f"/api/v1/members/{id_of(admin)}")
    refused = accept_as_new(browser(), letters.token("backdoor@invited.example"))
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert firm.owner("POST", f"{INVITATIONS}/{invited['id']}/resend").status_code == 200
    assert accept_as_new(browser(), letters.token("backdoor@invited.example")).status_code == 200


def test_only_owners_invite_owners_and_touch_their_invitations(firm: Firm) -> None:
    admin = firm.colleague(Role.ADMIN)
    assert invite(admin, "partner@invited.example", "OWNER").status_code == 403
    invited = invite(firm.owner, "partner@invited.example", "OWNER").json()
    assert admin("POST", f"{INVITATIONS}/{invited['id']}/resend").status_code == 403
    assert admin("DELETE", f"{INVITATIONS}/{invited['id']}").status_code == 403
    assert invite(admin, "partner@invited.example", "VIEWER").status_code == 403
    (stands,) = firm.owner("GET", INVITATIONS).json()["items"]
    assert stands["role"] == "OWNER"


def test_a_member_is_not_invited_again(firm: Firm) -> None:
    email = firm.colleague()("GET", "/api/v1/auth/me").json()["user"]["email"]
    refused = invite(firm.owner, email.upper())
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")


def test_what_an_address_is_sent_is_bounded(firm: Firm) -> None:
    """Whoever asked for none of it gets five letters an hour at most."""
    statuses = [invite(firm.owner, "flooded@invited.example").status_code for _ in range(6)]
    assert statuses == [201] * 5 + [429]


def test_an_organisation_that_lets_nobody_in_lets_nobody_join(
    firm: Firm, browser: Callable[[], Browser], letters: Letters
) -> None:
    invite(firm.owner, "suspended@invited.example")
    with firm.database.worker.dispatch() as session:
        session.execute(
            text("UPDATE organisation SET status = 'suspended' WHERE id = :id"), {"id": firm.org_id}
        )
    assert accept_as_new(browser(), letters.token("suspended@invited.example")).status_code == 422
