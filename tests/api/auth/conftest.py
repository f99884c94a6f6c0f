"""A browser that signs in, the letters that would have been sent to it, and a provider that signs people in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import delete, select, text
from starlette.testclient import TestClient

from drovi_api.app import create_app
from drovi_api.runtime import ApiRuntime
from resources.http import Budget, HttpClient
from resources.identity.provider import OpenIdProvider, Registration
from resources.letters import Letter, opened
from resources.mailer import render
from resources.schema import outgoing_mail
from tests.conftest import Database
from tests.emulators.oidc import CLIENT_ID, CLIENT_SECRET, Hostility, OidcProvider

PASSWORD = "a ladder against the barn"


@dataclass
class Browser:
    """Keeps cookies, and shows its session's CSRF token as our pages do."""

    http: TestClient
    csrf: str = ""
    email: str = ""

    def __call__(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        headers = {"X-CSRF-Token": self.csrf} | kwargs.pop("headers", {})
        response = self.http.request(method, f"/api/v1{path}", headers=headers, **kwargs)
        if response.headers.get("content-type") == "application/json":
            body = response.json()
            self.csrf = body.get("csrf_token") or (body.get("session") or {}).get("csrf_token") or self.csrf
        return response

    def sign_in(self, email: str = "", password: str = PASSWORD, **more: Any) -> httpx.Response:
        return self(
            "POST", "/auth/sign-in", json={"email": email or self.email, "password": password, **more}
        )


@dataclass
class Letters:
    """What waits to be sent."""

    database: Database
    runtime: ApiRuntime

    def to(self, email: str) -> list[Letter]:
        """The letters to an address, oldest first, opened; each can be rendered with the values it has."""
        with self.database.worker.dispatch() as session:
            rows = session.execute(select(outgoing_mail).order_by(outgoing_mail.c.created_at)).all()
        letters = [opened(self.runtime.secrets, row) for row in rows]
        for letter in letters:
            render(letter.template, letter.locale, **letter.values)
        return [letter for letter in letters if letter.to == email]

    def token(self, email: str) -> str:
        """The token in the latest letter's link."""
        return str(self.to(email)[-1].values["link"]).partition("#token=")[2]

    def forget(self) -> None:
        with self.database.worker.dispatch() as session:
            session.execute(delete(outgoing_mail))


@pytest.fixture
def letters(api_database: Database, runtime: ApiRuntime) -> Letters:
    return Letters(api_database, runtime)


@pytest.fixture
def browser(runtime: ApiRuntime) -> Callable[[], Browser]:
    """Makes browsers that know nothing of one another."""
    app = create_app(runtime)
    return lambda: Browser(TestClient(app, raise_server_exceptions=False))


@pytest.fixture(autouse=True)
def no_limits_left_over(api_database: Database) -> None:
    """Every test starts with nothing tried: all of them come from one address."""
    with api_database.identity.transaction() as session:
        session.execute(text("DELETE FROM rate_limit"))


@pytest.fixture
def person(browser: Callable[[], Browser], letters: Letters) -> Callable[[str], Browser]:
    """Makes somebody who has signed up, founded an organisation, and is signed in."""
    return lambda email: sign_up(browser(), letters, email, f"Firm of {email}")


def sign_up(
    one: Browser, letters: Letters, email: str, organisation_name: str, password: str = PASSWORD
) -> Browser:
    """Take a browser through the way in, by the link that the letter brings."""
    assert one("POST", "/auth/sign-up", json={"email": email}).status_code == 202
    answer = one(
        "POST",
        "/auth/sign-up/complete",
        json={
            "token": letters.token(email),
            "name": "Anne Morel",
            "password": password,
            "organisation_name": organisation_name,
        },
    )
    assert answer.status_code == 201, answer.text
    one.email = email
    return one


@pytest.fixture(scope="module")
def running() -> Iterator[OidcProvider]:
    with OidcProvider() as provider:
        yield provider


@pytest.fixture
def provider(running: OidcProvider) -> OidcProvider:
    """At its best behaviour."""
    running.hostility = Hostility()
    running.asked.clear()
    return running


@pytest.fixture
def http() -> Iterator[HttpClient]:
    client = HttpClient(Budget(seconds=2.0, step_seconds=1.0))
    yield client
    client.close()


@pytest.fixture
def browsers(runtime: ApiRuntime, provider: OidcProvider, http: HttpClient) -> Callable[..., Browser]:
    """Makes browsers of an installation that the provider is configured for."""

    def make(*, open_sign_up: bool = True, **registration: Any) -> Browser:
        registered = {"issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        configured = OpenIdProvider(Registration(**registered | registration), http)
        app = create_app(dataclasses.replace(runtime, provider=configured, open_sign_up=open_sign_up))
        return Browser(TestClient(app, raise_server_exceptions=False))

    return make
