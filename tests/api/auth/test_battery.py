"""What an attacker tries on accounts: other sites, planted sessions, guessing, and a stolen copy of the database."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from drovi_api.app import create_app, describe
from drovi_api.runtime import ApiRuntime
from resources.embedded_postgres import EmbeddedPostgres
from tests.api.auth.conftest import PASSWORD, Browser, Letters
from tests.api.auth.test_second_factor import Code, code, enrol  # noqa: F401 - a fixture
from tests.api.cases import POSTGRES_CONFIG
from tests.api.conftest import Caller
from tests.conftest import Database

Person = Callable[[str], Browser]

CHANGING = [
    pytest.param(method.upper(), path, "Session" in json.dumps(operation.get("security", "")), id=operation["operationId"])
    for path, methods in describe()["paths"].items()
    for method, operation in methods.items()
    # What is pushed is known by its signature alone: it comes from other sites, and a cookie means nothing to it.
    if method not in {"get", "head", "options"} and operation["operationId"] != "receive_webhook"
]  # fmt: skip


class Dump:
    """All that is stored, as whoever stole the database reads it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def tables(self) -> list[str]:
        rows = self._connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        return [row[0] for row in rows]

    def fingerprint(self) -> dict[str, str]:
        """Each table's content, in a hash."""
        return {
            table: self._connection.execute(
                f"SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t"
            ).fetchone()[0]
            for table in self.tables()
        }

    def holds(self, secret: str) -> list[str]:
        """The tables with the secret in any column: as it is, or in the spelling of bytes or of base64."""
        raw = secret.encode()
        encoded = base64.b64encode(raw).decode().rstrip("=")
        spellings = [secret, raw.hex(), encoded, base64.urlsafe_b64encode(raw).decode().rstrip("=")]
        return [
            table
            for table in self.tables()
            if self._connection.execute(
                f"SELECT 1 FROM {table} t WHERE EXISTS"
                " (SELECT 1 FROM unnest(%s::text[]) s WHERE position(lower(s) IN lower(t::text)) > 0) LIMIT 1",
                (spellings,),
            ).fetchone()
        ]


@pytest.fixture(scope="module")
def dump(postgres: EmbeddedPostgres, api_database: Database) -> Iterator[Dump]:
    with psycopg.connect(postgres.url("test_api", "superuser"), autocommit=True) as connection:
        yield Dump(connection)


@pytest.fixture(scope="module")
def sites(runtime: ApiRuntime) -> Callable[[], Browser]:
    app = create_app(runtime)
    return lambda: Browser(TestClient(app, raise_server_exceptions=False))


@pytest.mark.parametrize(("method", "path", "by_session"), CHANGING)
def test_no_other_site_changes_anything(
    person: Person, dump: Dump, method: str, path: str, by_session: bool
) -> None:
    """Every changing operation of the OpenAPI document, with the cookie: without the page's token, with another's, or from another site."""
    one, other = person(f"victim-{uuid4().hex}@csrf.example"), person(f"other-{uuid4().hex}@csrf.example")
    crossed = [
        {"X-CSRF-Token": one.csrf, "Origin": "https://evil.example"},
        {"X-CSRF-Token": one.csrf, "Origin": "null"},
        {"X-CSRF-Token": one.csrf, "Origin": "http://testserver.evil.example"},
        {"X-CSRF-Token": one.csrf, "Sec-Fetch-Site": "cross-site"},
        {"X-CSRF-Token": one.csrf, "Sec-Fetch-Site": "same-site"},
    ]
    tokenless = [{}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": other.csrf}, {"X-CSRF-Token": "0" * 64}]
    url = re.sub(r"\{[a-z_]+\}", str(uuid4()), path)
    before = dump.fingerprint()
    for headers in crossed + (tokenless if by_session else []):
        for body in ({"json": {}}, {"content": "a=b", "headers": {"Content-Type": "text/plain"}}):
            sent = headers | body.pop("headers", {})
            answer = one.http.request(method, url, headers=sent, **body)
            assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN"), (sent, answer.text)
    assert dump.fingerprint() == before


def test_the_pages_own_request_changes_something(person: Person, dump: Dump) -> None:
    """What the test above compares does see a change."""
    one = person("own-page@csrf.example")
    before = dump.fingerprint()
    assert one("PATCH", "/auth/me", json={"name": "Changed"}).status_code == 200
    after = dump.fingerprint()
    assert {name for name in before if before[name] != after[name]} >= {
        "public.app_user",
        "public.audit_entry",
    }


def test_no_session_that_was_there_before_is_the_one_that_opens(
    person: Person,
    sites: Callable[[], Browser],
    letters: Letters,
    code: Code,  # noqa: F811 - a fixture
) -> None:
    """Fixation: the token is new at sign-in, second factor, password, address and organisation; the one before opens nothing."""
    one = person("fixed@battery.example")
    org_id = one("GET", "/auth/session").json()["organisation_id"]
    secret: dict[str, str] = {}

    def first_code() -> Any:
        secret["totp"] = one("POST", "/auth/second-factor/begin", json={"password": PASSWORD}).json()[
            "secret"
        ]
        return one("POST", "/auth/second-factor/confirm", json={"code": code(secret["totp"], -1)})

    def new_address() -> Any:
        one("POST", "/auth/email", json={"email": "anew@battery.example", "password": PASSWORD})
        return one("POST", "/auth/email/confirm", json={"token": letters.token("anew@battery.example")})

    new_password = {"current_password": PASSWORD, "new_password": "a new ladder, a new barn"}
    acts: dict[str, Callable[[], Any]] = {
        "sign-in": one.sign_in,
        "organisation": lambda: one("POST", "/auth/session/organisation", json={"organisation_id": org_id}),
        "address": new_address,
        "second factor": first_code,
        "factor gone": lambda: one(
            "POST", "/auth/second-factor/disable", json={"password": PASSWORD, "code": code(secret["totp"])}
        ),
        "password": lambda: one("POST", "/auth/password/change", json=new_password),
    }
    for name, act in acts.items():
        before = one.http.cookies["drovi_session"]
        answer = act()
        assert answer.status_code == 200, (name, answer.text)
        assert one.http.cookies["drovi_session"] != before, name
        holder = sites()
        holder.http.cookies.set("drovi_session", before)
        assert holder("GET", "/auth/session").status_code == 401, name


def test_a_planted_cookie_is_not_adopted(person: Person, sites: Callable[[], Browser]) -> None:
    """A value that an attacker chose is never a session's token."""
    victim = person("planted@battery.example")
    browser = sites()
    browser.http.cookies.set("drovi_session", "chosen-by-somebody-else")
    assert browser.sign_in(victim.email).status_code == 200
    attacker = sites()
    attacker.http.cookies.set("drovi_session", "chosen-by-somebody-else")
    assert attacker("GET", "/auth/session").status_code == 401


def test_one_account_is_guessed_a_hundred_times_at_most(runtime: ApiRuntime, person: Person) -> None:
    """From as many addresses as one likes, whether the account exists or not."""
    app = create_app(runtime)
    for email in (person("guessed@battery.example").email, "nobody@battery.example"):
        judged = 0
        for n in range(150):
            one = Browser(TestClient(app, client=(f"10.0.{n}.1", 1), raise_server_exceptions=False))
            judged += one.sign_in(email, f"guess number {n}").status_code != 429
        assert 10 <= judged <= 100


def test_whoever_holds_a_session_guesses_no_password(person: Person, sites: Callable[[], Browser]) -> None:
    """Wherever the password is asked for again, tries count together, and the sign-in is closed with them."""
    one = person("held@battery.example")
    wrong = "not the password at all"
    asks = (
        ("/auth/password/change", {"current_password": wrong, "new_password": "a new ladder, a new barn"}),
        ("/auth/second-factor/begin", {"password": wrong}),
        ("/auth/second-factor/disable", {"password": wrong, "code": "123456"}),
        ("/auth/email", {"password": wrong, "email": "new@battery.example"}),
    )
    statuses = [one("POST", path, json=body).status_code for _ in range(4) for path, body in asks]
    assert statuses[:10] == [403] * 10
    assert statuses[-4:] == [429] * 4
    assert sites().sign_in(one.email).status_code == 429


def test_stored_passwords_are_dear_to_guess(person: Person, api_database: Database) -> None:
    """argon2id with at least 19 MiB and two passes, and a salt of its own each."""
    for email in ("dear-1@battery.example", "dear-2@battery.example"):
        person(email)
    with api_database.identity.transaction() as session:
        hashes = list(session.execute(
            text("SELECT password_hash FROM user_credential WHERE password_hash IS NOT NULL")
        ).scalars())  # fmt: skip
    assert len(hashes) == len(set(hashes)) >= 2
    for stored in hashes:
        found = re.fullmatch(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$[^$]{22,}\$[^$]{43,}", stored)
        assert found is not None
        memory, passes, lanes = map(int, found.groups())
        assert memory >= 19 * 1024
        assert passes >= 2
        assert lanes >= 1


def test_a_stolen_database_opens_nothing(
    *,
    person: Person,
    owner: Caller,
    sites: Callable[[], Browser],
    letters: Letters,
    dump: Dump,
    code: Code,  # noqa: F811 - a fixture
    json_log: Callable[[], list[dict[str, Any]]],
) -> None:
    """Neither passwords nor tokens, codes, keys and secrets of factors or sources stand in any column, nor in the log."""
    one = person("robbed@battery.example")
    secret, recovery = enrol(one, code)
    ticket = sites().sign_in(one.email).json()["second_factor_ticket"]
    sites()("POST", "/auth/password/forgotten", json={"email": one.email})
    reset = letters.token(one.email)
    one("POST", "/auth/email", json={"email": "robbed-anew@battery.example", "password": PASSWORD})
    change = letters.token("robbed-anew@battery.example")
    sites()("POST", "/auth/sign-up", json={"email": "robbed-new@battery.example"})
    sign_up = letters.token("robbed-new@battery.example")
    sites().sign_in(one.email, "a guess that was nearly it")
    waiting = one(
        "POST", "/auth/second-factor/begin", json={"password": PASSWORD, "code": recovery[0]}
    ).json()["secret"]
    created = owner(
        "POST",
        "/api/v1/connections",
        json={"connector": "postgres", "name": "Ledger of the robbed", "config": POSTGRES_CONFIG},
    )
    assert created.status_code == 201
    assert owner.tenant is not None
    secrets = {
        "password": PASSWORD,
        "a wrong password": "a guess that was nearly it",
        "session": one.http.cookies["drovi_session"],
        "csrf": one.csrf,
        "ticket": ticket,
        "reset": reset,
        "change of address": change,
        "sign-up": sign_up,
        "totp": secret,
        "waiting totp": waiting,
        "API key": owner.tenant.key,
        "source's password": POSTGRES_CONFIG["password"],
        **{f"recovery {n}": one for n, one in enumerate(recovery)},
        **{f"recovery {n} bare": one.replace("-", "") for n, one in enumerate(recovery)},
    }
    assert all(len(value) >= 12 for value in secrets.values())
    assert {name: held for name, value in secrets.items() if (held := dump.holds(value))} == {}
    logged = json.dumps(json_log())
    assert "/api/v1/auth/second-factor/begin" in logged
    assert [name for name, value in secrets.items() if value in logged] == []


def test_the_search_through_the_dump_finds_what_is_there(dump: Dump, api_database: Database) -> None:
    """In text, in bytes, and in base64."""
    canary = f"canary-{uuid4().hex}"
    user_id, state = UUID(int=7), canary.encode()
    with api_database.identity.transaction() as session:
        session.execute(
            text("INSERT INTO app_user (id, email, name) VALUES (:id, 'canary@battery.example', :name)"),
            {"id": user_id, "name": base64.b64encode(canary.encode()).decode()},
        )
        session.execute(
            text(
                "INSERT INTO oidc_sign_in (state_hash, browser_hash, provider, nonce, code_verifier, expires_at)"
                " VALUES (:state, '', '', '', '', now())"
            ),
            {"state": state},
        )
    assert set(dump.holds(canary)) == {"public.app_user", "public.oidc_sign_in"}
    with api_database.identity.transaction() as session:
        session.execute(text("DELETE FROM app_user WHERE id = :id"), {"id": user_id})
        session.execute(text("DELETE FROM oidc_sign_in WHERE state_hash = :state"), {"state": state})
