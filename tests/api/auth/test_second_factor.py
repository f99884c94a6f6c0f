"""The second factor: added, given, replaced and taken away, by its person alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import time
from typing import Any
from uuid import UUID

import pyotp
import pytest
from sqlalchemy import text

from drovi_api.runtime import ApiRuntime
from resources import clock
from resources.identity.second_factor import RECOVERY_CODES, STEP_SECONDS
from resources.secrets import Purpose
from tests.api.auth.conftest import PASSWORD, Browser, Letters
from tests.conftest import Database

Person = Callable[[str], Browser]
Code = Callable[..., str]


@pytest.fixture
def code() -> Code:
    """What an app shows, some steps from now: each call of a test gives the next step, since a step is taken once."""

    def shown(secret: str, steps: int = 0) -> str:
        return pyotp.TOTP(secret).at(int(time()) + steps * STEP_SECONDS)

    return shown


@pytest.fixture
def forget_step(api_database: Database) -> Callable[[], None]:
    """As if half a minute had passed, for a test that gives several codes."""

    def forget() -> None:
        with api_database.identity.transaction() as session:
            session.execute(text("UPDATE user_credential SET totp_last_step = NULL"))

    return forget


def begin(one: Browser, **more: Any) -> dict[str, str]:
    answer = one("POST", "/auth/second-factor/begin", json={"password": PASSWORD, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def enrol(one: Browser, code: Code) -> tuple[str, list[str]]:
    """The secret, and the recovery codes, of a factor put in force with the code of the step before."""
    secret = begin(one)["secret"]
    answer = one("POST", "/auth/second-factor/confirm", json={"code": code(secret, -1)})
    assert answer.status_code == 200, answer.text
    return secret, answer.json()["recovery_codes"]


def give(one: Browser, email: str, code: str) -> Any:
    """Sign in with the password, then the code."""
    ticket = one.sign_in(email).json()["second_factor_ticket"]
    return one("POST", "/auth/sign-in/second-factor", json={"ticket": ticket, "code": code})


def require_factor(database: Database, org_id: str, *, required: bool = True) -> None:
    with database.worker.organisation(UUID(org_id)) as session:
        session.execute(
            text(
                "INSERT INTO organisation_policy (org_id, second_factor_required) VALUES (:org, :required)"
                " ON CONFLICT (org_id) DO UPDATE SET second_factor_required = excluded.second_factor_required"
            ),
            {"org": org_id, "required": required},
        )


def test_a_stranger_learns_and_changes_nothing(browser: Callable[[], Browser]) -> None:
    for method, path in (("GET", ""), ("POST", "/begin"), ("POST", "/confirm"), ("POST", "/disable")):
        assert browser()(method, f"/auth/second-factor{path}").status_code == 401


def test_an_enrolment_ends_with_ten_codes_and_a_session_that_has_the_factor(
    person: Person, browser: Callable[[], Browser], code: Code, letters: Letters
) -> None:
    """Under a new token; sessions that never gave the factor end, and the person is told."""
    one = person("enrols@factor.example")
    second = browser()
    second.sign_in(one.email)
    before = dict(one.http.cookies)
    started = begin(one)
    assert started["uri"].startswith("otpauth://totp/Drovi:enrols%40factor.example?secret=")
    assert started["qr_svg"].startswith("<svg")
    assert "script" not in started["qr_svg"]
    assert one("GET", "/auth/second-factor").json() == {"enabled": False, "recovery_codes_left": 0}
    answer = one("POST", "/auth/second-factor/confirm", json={"code": code(started["secret"])})
    assert len(set(answer.json()["recovery_codes"])) == RECOVERY_CODES
    assert dict(one.http.cookies) != before
    assert one("GET", "/auth/session").json()["second_factor"] is True
    assert one("GET", "/auth/second-factor").json() == {"enabled": True, "recovery_codes_left": 10}
    assert second("GET", "/auth/session").status_code == 401
    (letter,) = [each for each in letters.to(one.email) if each.template == "second_factor_changed"]
    assert letter.values["change"] == "enabled"


def test_a_code_opens_once_with_one_step_of_drift_either_way(
    person: Person, browser: Callable[[], Browser], code: Code, forget_step: Callable[[], None]
) -> None:
    """What was watched over a shoulder opens nothing again, nor does a code of an earlier step."""
    one = person("drifts@factor.example")
    secret, _ = enrol(one, code)
    given = code(secret)
    assert give(browser(), one.email, given).status_code == 200
    assert give(browser(), one.email, given).status_code == 401
    assert give(browser(), one.email, code(secret, -1)).status_code == 401
    for steps, status in ((-1, 200), (1, 200), (-3, 401), (3, 401)):
        forget_step()
        assert give(browser(), one.email, code(secret, steps)).status_code == status, steps


def test_the_first_code_is_used_up_by_the_enrolment(
    person: Person, browser: Callable[[], Browser], code: Code
) -> None:
    one = person("first-code@factor.example")
    secret = begin(one)["secret"]
    given = code(secret)
    assert one("POST", "/auth/second-factor/confirm", json={"code": given}).status_code == 200
    assert give(browser(), one.email, given).status_code == 401


def test_a_recovery_code_opens_once(person: Person, browser: Callable[[], Browser], code: Code) -> None:
    """However it is typed; the others stay good."""
    one = person("recovers@factor.example")
    _, codes = enrol(one, code)
    assert give(browser(), one.email, codes[0].upper().replace("-", " ")).status_code == 200
    assert give(browser(), one.email, codes[0]).status_code == 401
    assert one("GET", "/auth/second-factor").json()["recovery_codes_left"] == 9
    assert give(browser(), one.email, codes[1]).status_code == 200


def test_an_open_session_cannot_drop_the_factor_by_beginning_anew(
    person: Person, browser: Callable[[], Browser], code: Code, forget_step: Callable[[], None]
) -> None:
    """Not without the password and a code of the factor in force; and until the new one's first code nothing changes."""
    one = person("holds@factor.example")
    secret, codes = enrol(one, code)
    for body in (
        {"password": "not the password at all"},
        {"password": PASSWORD},
        {"password": PASSWORD, "code": "000000"},
    ):
        assert one("POST", "/auth/second-factor/begin", json=body).status_code == 403
    new = begin(one, code=codes[0])["secret"]
    assert one("GET", "/auth/second-factor").json()["enabled"] is True
    assert browser().sign_in(one.email).json()["session"] is None
    assert give(browser(), one.email, code(new)).status_code == 401
    assert give(browser(), one.email, code(secret)).status_code == 200
    assert one("POST", "/auth/second-factor/confirm", json={"code": "000000"}).status_code == 422
    assert one("POST", "/auth/second-factor/confirm", json={"code": code(new)}).status_code == 200
    forget_step()
    assert give(browser(), one.email, code(secret, 1)).status_code == 401
    assert give(browser(), one.email, codes[1]).status_code == 401
    assert give(browser(), one.email, code(new, 1)).status_code == 200


def test_an_enrolment_that_was_left_lying_is_over(
    person: Person, code: Code, api_database: Database, runtime: ApiRuntime
) -> None:
    """A secret that somebody photographed weeks ago is not confirmed by whoever finds the session open."""
    one = person("lies@factor.example")
    user_id = UUID(one("GET", "/auth/session").json()["user_id"])
    secret = begin(one)["secret"]
    past = (clock.now() - timedelta(seconds=1)).isoformat()
    waiting = {"waiting": secret, "waits_until": past}
    sealed = runtime.secrets.seal(UUID(int=0), user_id, waiting, purpose=Purpose.SECOND_FACTOR)
    with api_database.identity.transaction() as session:
        session.execute(
            text("UPDATE user_credential SET totp_ciphertext = :c, totp_key_id = :k WHERE user_id = :u"),
            {"c": sealed.ciphertext, "k": sealed.key_id, "u": user_id},
        )
    assert one("POST", "/auth/second-factor/confirm", json={"code": code(secret)}).status_code == 422


def test_taking_it_away_takes_password_and_code(
    person: Person, browser: Callable[[], Browser], code: Code, letters: Letters
) -> None:
    """The session goes on as one that never gave a factor, the others end, and the person is told."""
    one = person("removes@factor.example")
    secret, codes = enrol(one, code)
    second = browser()
    assert give(second, one.email, codes[0]).status_code == 200
    path = "/auth/second-factor/disable"
    wrong = {"password": "not the password at all", "code": codes[1]}
    assert one("POST", path, json=wrong).status_code == 403
    assert one("POST", path, json={"password": PASSWORD, "code": "000000"}).status_code == 403
    assert one("POST", path, json={"password": PASSWORD, "code": code(secret)}).status_code == 200
    assert one("GET", "/auth/session").json()["second_factor"] is False
    assert second("GET", "/auth/session").status_code == 401
    assert browser().sign_in(one.email).json()["session"] is not None
    assert letters.to(one.email)[-1].values["change"] == "disabled"
    assert one("POST", path, json={"password": PASSWORD, "code": "123456"}).status_code == 409


def test_new_recovery_codes_end_the_old_ones(
    person: Person, browser: Callable[[], Browser], code: Code
) -> None:
    one = person("renews@factor.example")
    secret, old = enrol(one, code)
    body = {"password": PASSWORD, "code": code(secret)}
    new = one("POST", "/auth/second-factor/recovery-codes", json=body).json()["recovery_codes"]
    assert not set(old) & set(new)
    assert give(browser(), one.email, old[0]).status_code == 401
    assert give(browser(), one.email, new[0]).status_code == 200


def test_an_organisation_that_asks_for_the_factor_opens_only_with_it(
    person: Person, browser: Callable[[], Browser], code: Code, api_database: Database
) -> None:
    """A session without it is refused with what to do, can add one through the entrance, and is served from then on."""
    one = person("asked@factor.example")
    org_id = one("GET", "/auth/session").json()["organisation_id"]
    require_factor(api_database, org_id)
    refused = one("GET", "/auth/me")
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert "Add one" in refused.json()["remedy"]
    secret, codes = enrol(one, code)
    assert one("GET", "/auth/me").status_code == 200
    other = browser()
    assert give(other, one.email, codes[0]).status_code == 200
    assert other("GET", "/auth/me").status_code == 200
    body = {"password": PASSWORD, "code": code(secret)}
    kept = one("POST", "/auth/second-factor/disable", json=body)
    assert (kept.status_code, kept.json()["code"]) == (409, "CONFLICT")
    assert one("GET", "/auth/second-factor").json()["enabled"] is True
    require_factor(api_database, org_id, required=False)


def test_codes_are_guessed_ten_times_at_most(person: Person, browser: Callable[[], Browser]) -> None:
    """Signed in or signing in, with the right password: tries at a code count for the account."""
    one = person("guessed@factor.example")
    begin(one)
    tries = [
        one("POST", "/auth/second-factor/confirm", json={"code": f"{n:06}"}).status_code for n in range(12)
    ]
    assert tries == [422] * 10 + [429] * 2
    assert browser().sign_in(one.email).status_code == 429


def test_every_organisation_of_the_person_has_it_in_its_audit_log(
    person: Person, code: Code, api_database: Database
) -> None:
    one, other = person("audited@factor.example"), person("host@factor.example")
    mine, theirs = (b("GET", "/auth/session").json()["organisation_id"] for b in (one, other))
    with api_database.worker.organisation(UUID(theirs)) as session:
        session.execute(
            text("INSERT INTO membership (org_id, user_id, role) SELECT :org, id, 'VIEWER' FROM app_user WHERE email = :email"),
            {"org": theirs, "email": one.email},
        )  # fmt: skip
    secret, _ = enrol(one, code)
    one("POST", "/auth/second-factor/disable", json={"password": PASSWORD, "code": code(secret)})
    for org_id in (mine, theirs):
        with api_database.worker.organisation(UUID(org_id)) as session:
            entries = session.execute(
                text(
                    "SELECT action, actor_label FROM audit_entry WHERE org_id = :org AND action LIKE 'second%' ORDER BY sequence"
                ),
                {"org": org_id},
            ).all()
        assert [tuple(entry) for entry in entries] == [
            ("second_factor.begun", one.email),
            ("second_factor.enabled", one.email),
            ("second_factor.disabled", one.email),
        ]
