"""Whether an address has an account is not told by how long an answer takes."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import argon2
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from drovi_api.app import create_app
from drovi_api.runtime import EVEN_SECONDS, ApiRuntime
from tests.api.auth.conftest import Browser
from tests.conftest import Database

SAMPLES = 60
AT_ONCE = 3
LARGEST_DIFFERENCE = 0.010

Person = Callable[[str], Browser]
Ask = tuple[str, Callable[[str], dict[str, Any]], int]
ASKS: dict[str, Ask] = {
    "sign in": ("/auth/sign-in", lambda email: {"email": email, "password": "not it, I am afraid"}, 401),
    "forgot the password": ("/auth/password/forgotten", lambda email: {"email": email}, 202),
    "sign up": ("/auth/sign-up", lambda email: {"email": email}, 202),
}


@pytest.fixture
def known(api_database: Database) -> list[str]:
    """Sixty accounts, each in three organisations, whose audit logs all hear of what is done to it."""
    with api_database.identity.transaction() as session:
        session.execute(
            text(
                "WITH person AS (INSERT INTO app_user (email, name, email_verified_at)"
                " SELECT 'known-' || n || '@timing.example', 'K', now() FROM generate_series(1, :n) n"
                " ON CONFLICT DO NOTHING RETURNING id),"
                " firm AS (INSERT INTO organisation (name, slug)"
                " SELECT 'Timing', 'timing-' || n FROM generate_series(1, 3) n ON CONFLICT DO NOTHING RETURNING id)"
                " INSERT INTO membership (org_id, user_id, role) SELECT firm.id, person.id, 'MEMBER' FROM firm, person"
            ),
            {"n": SAMPLES},
        )
    return [f"known-{n}@timing.example" for n in range(1, SAMPLES + 1)]


@pytest.mark.parametrize("ask", ASKS)
def test_known_and_unknown_accounts_answer_in_the_same_time(
    runtime: ApiRuntime, api_database: Database, known: list[str], ask: str
) -> None:
    """Medians of sixty each, interleaved, differ by less than ten milliseconds."""
    path, body, status = ASKS[ask]
    app = create_app(dataclasses.replace(runtime, even_seconds=EVEN_SECONDS))
    browsers = [Browser(TestClient(app, client=(f"10.1.{n}.1", 1))) for n in range(2 * SAMPLES)]
    unknown = [f"unknown-{ask.replace(' ', '-')}-{n}@timing.example" for n in range(SAMPLES)]

    def seconds(one: Browser, email: str) -> float:
        started = time.perf_counter()
        answer = one("POST", path, json=body(email))
        taken = time.perf_counter() - started
        assert answer.status_code == status, answer.text
        return taken

    interleaved = [email for pair in zip(known, unknown, strict=True) for email in pair]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        taken = list(pool.map(seconds, browsers, interleaved))
    difference = abs(statistics.median(taken[::2]) - statistics.median(taken[1::2]))
    assert difference < LARGEST_DIFFERENCE, f"{difference * 1000:.1f} ms"


def test_a_sign_in_costs_one_check_of_a_password_whoever_tries(
    person: Person, browser: Callable[[], Browser], api_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known, unknown, disabled, without a password, and with an address that is none."""
    wrong, closed = person("wrong@timing.example"), person("closed@timing.example")
    bare = person("bare@timing.example")
    with api_database.identity.transaction() as session:
        session.execute(
            text("UPDATE app_user SET disabled_at = now() WHERE email = :email"), {"email": closed.email}
        )
        session.execute(
            text(
                "UPDATE user_credential SET password_hash = NULL"
                " WHERE user_id = (SELECT id FROM app_user WHERE email = :email)"
            ),
            {"email": bare.email},
        )
    browser().sign_in("warm-up@timing.example", "x")
    checked: list[str] = []
    verify = argon2.PasswordHasher.verify

    def counted(self: argon2.PasswordHasher, stored: str, password: str) -> bool:
        checked.append(stored)
        return verify(self, stored, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    for email in (wrong.email, closed.email, bare.email, "unknown@timing.example", "no address"):
        checked.clear()
        assert browser().sign_in(email, "not it, I am afraid").status_code == 401
        assert len(checked) == 1, email
        assert argon2.extract_parameters(checked[0]) == argon2.extract_parameters(
            argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash("x")
        )
