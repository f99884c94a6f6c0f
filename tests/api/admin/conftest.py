"""An administrator's browser, and how one becomes an administrator: by the letter, a password and a code."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import httpx2 as httpx
import pyotp
import pytest
from sqlalchemy import Connection, Table, insert, text
from starlette.testclient import TestClient

from drovi_api.app import create_app
from drovi_api.runtime import ApiRuntime
from resources.audit import PLATFORM
from resources.identity import administrators
from resources.identity.second_factor import STEP_SECONDS
from resources.schema import dead_letter, job, kill_switch, schedule
from tests.api.auth.conftest import Browser, Letters, browser, letters, no_limits_left_over, person
from tests.conftest import Database

__all__ = ["browser", "letters", "no_limits_left_over", "person"]

ADMIN_PASSWORD = "a lantern on every landing"
UNTOLD = "the Dubois settlement"
"""What an organisation's own work says, which no administrator is told."""
_numbers = itertools.count()


@dataclass
class AdminBrowser:
    """Keeps the administration's cookie, and shows its CSRF token as its pages would."""

    http: TestClient
    database: Database
    csrf: str = ""
    email: str = ""
    secret: str = field(default="", repr=False)

    def __call__(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        headers = {"X-CSRF-Token": self.csrf} | kwargs.pop("headers", {})
        response = self.http.request(method, f"/admin/api{path}", headers=headers, **kwargs)
        if response.headers.get("content-type") == "application/json":
            self.csrf = response.json().get("csrf_token") or self.csrf
        return response

    def code(self) -> str:
        """A code that was not given before: the step that the last one used up is forgotten."""
        self.run("UPDATE admin_user SET totp_last_step = NULL WHERE email = :email", email=self.email)
        return pyotp.TOTP(self.secret, interval=STEP_SECONDS).now()

    def password(self, password: str = ADMIN_PASSWORD, email: str = "") -> httpx.Response:
        return self("POST", "/auth/sign-in", json={"email": email or self.email, "password": password})

    def sign_in(self, password: str = ADMIN_PASSWORD) -> httpx.Response:
        """Both halves."""
        answer = self.password(password)
        if answer.status_code != 200:
            return answer
        return self("POST", "/auth/second-factor", json={"code": self.code()})

    def accept(self, token: str, password: str = ADMIN_PASSWORD) -> httpx.Response:
        """Follow the link of an invitation to its end."""
        opened = self("POST", "/auth/invitation", json={"token": token})
        if opened.status_code != 200:
            return opened
        self.email, self.secret = opened.json()["email"], opened.json()["secret"]
        body = {"token": token, "password": password, "code": self.code()}
        return self("POST", "/auth/invitation/accept", json=body)

    def run(self, statement: str, **values: Any) -> Any:
        with self.database.identity.transaction() as session:
            return session.execute(text(statement), values)

    def again(self) -> AdminBrowser:
        """Another browser of the same person, not signed in."""
        return replace(self, http=TestClient(self.http.app, raise_server_exceptions=False), csrf="")


@dataclass(frozen=True, slots=True)
class Work:
    """Background work of an organisation: what is asked for, by what, what stands still, and what was given up."""

    job_id: UUID
    failed_job_id: UUID
    schedule_id: UUID
    kill_switch_id: UUID
    dead_letter_id: UUID


def make_work(database: Database, org_id: UUID) -> Work:
    """One of each; the switch stops a kind of source that there is not."""

    def one(session: Connection, table: Table, **values: Any) -> UUID:
        made: UUID = session.execute(insert(table).values(values).returning(table.c.id)).scalar_one()
        return made

    with database.worker.dispatch() as session:
        asked = {"org_id": org_id, "kind": "export", "arguments": {"since": "2026-01-01", "limit": 10}}
        return Work(
            one(session, job, **asked, idempotency_key=str(uuid4())),
            one(
                session,
                job,
                **asked,
                idempotency_key=str(uuid4()),
                status="failed",
                attempts=3,
                error_code="SERVER_ERROR",
                error_message=UNTOLD,
            ),
            one(session, schedule, org_id=org_id, kind="retention", interval_seconds=3600),
            one(session, kill_switch, connector=str(uuid4()), reason="It fails.", thrown_by="us"),
            one(
                session,
                dead_letter,
                org_id=org_id,
                topic="raw.connector.events",
                partition=1,
                offset=7,
                consumer_group="landing",
                key=UNTOLD,
                payload=UNTOLD.encode(),
                headers={"last-error": UNTOLD},
                attempts=5,
                error_code="VALIDATION_ERROR",
                error_message=UNTOLD,
            ),
        )


@dataclass(frozen=True, slots=True)
class Site:
    """What an administrator finds: an organisation, its owner, a colleague, and an invitation that was not accepted."""

    org_id: UUID
    user_id: UUID
    colleague_id: UUID
    invitation: str
    newcomer: AdminBrowser
    """Who the invitation is for, with the second factor of its page."""
    owner: Browser
    """The user, signed in."""
    work: Work


@dataclass(frozen=True)
class Log:
    """The chains of the audit log."""

    database: Database

    def __call__(self, org_id: UUID = PLATFORM, **having: str) -> list[Any]:
        """Entries of a chain, oldest first; the platform's without an id."""
        with self.database.worker.organisation(org_id) as session:
            rows = session.execute(
                text("SELECT * FROM audit_entry WHERE org_id = :org ORDER BY sequence"), {"org": org_id}
            ).all()
        return [row for row in rows if all(getattr(row, name) == value for name, value in having.items())]


@pytest.fixture
def log(api_database: Database) -> Log:
    return Log(api_database)


@pytest.fixture
def admin_browser(runtime: ApiRuntime, api_database: Database) -> Callable[..., AdminBrowser]:
    """Makes browsers of people who are no administrators yet; the installation's rules may be others."""

    def make(**rules: Any) -> AdminBrowser:
        changed = replace(runtime, administration=replace(runtime.administration, **rules))
        return AdminBrowser(TestClient(create_app(changed), raise_server_exceptions=False), api_database)

    return make


@pytest.fixture
def invited(runtime: ApiRuntime, api_database: Database, letters: Letters) -> Callable[[str], str]:
    """Invites somebody, as the command line does; gives the token of the letter."""

    def invite(email: str) -> str:
        with api_database.identity.transaction() as session:
            administrators.invite(
                session,
                runtime.secrets,
                runtime.administration,
                email,
                inviter="Drovi",
                public_url=runtime.public_url,
            )
        return letters.token(email)

    return invite


@pytest.fixture
def administrator(
    admin_browser: Callable[..., AdminBrowser], invited: Callable[[str], str]
) -> Callable[..., AdminBrowser]:
    """Makes somebody who is an administrator, and is signed in."""

    def make(email: str = "", **rules: Any) -> AdminBrowser:
        one = admin_browser(**rules)
        answer = one.accept(invited(email or f"admin{next(_numbers)}@drovi.co"))
        assert answer.status_code == 201, answer.text
        return one

    return make


@pytest.fixture(autouse=True)
def nobody_left_over(api_database: Database) -> None:
    """Every test starts without an administrator: whoever is the last one matters."""
    with api_database.identity.transaction() as session:
        session.execute(text("DELETE FROM admin_user"))


@pytest.fixture
def site(
    person: Callable[[str], Browser],
    admin_browser: Callable[..., AdminBrowser],
    administrator: Callable[..., AdminBrowser],
    invited: Callable[[str], str],
    api_database: Database,
) -> Site:
    """Something of each kind that an administrator looks after."""
    number = next(_numbers)
    owner, colleague, newcomer = person(f"owner{number}@site.example"), administrator(), admin_browser()
    newcomer.email = f"newcomer{number}@drovi.co"
    token = invited(newcomer.email)
    opened = newcomer("POST", "/auth/invitation", json={"token": token})
    newcomer.secret = opened.json()["secret"]
    session = owner("GET", "/auth/session").json()
    (colleague_id,) = colleague.run(
        "SELECT id FROM admin_user WHERE email = :email", email=colleague.email
    ).one()
    org_id = UUID(session["organisation_id"])
    return Site(
        org_id,
        UUID(session["user_id"]),
        colleague_id,
        token,
        newcomer,
        owner,
        make_work(api_database, org_id),
    )
