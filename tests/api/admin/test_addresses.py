"""Only exact, verified addresses of the administrators' domain come in: 0 of all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.admin.conftest import ADMIN_PASSWORD, AdminBrowser, Log

Make = Callable[..., AdminBrowser]

REGISTERED = "anna@drovi.co"
TRICKS = {
    "suffix": "anna@drovi.co.evil",
    "suffix that exists": "anna@drovi.co.example.com",
    "prefix": "x@evil-drovi.co",
    "no boundary": "x@evildrovi.co",
    "subdomain": "anna@sub.drovi.co",
    "parent": "anna@co",
    "trailing dot": "anna@drovi.co.",
    "dot before the at": "anna.@drovi.co",
    "two dots": "an..na@drovi.co",
    "two ats": "anna@drovi.co@evil.example",
    "two ats, ours last": "anna@evil.example@drovi.co",
    "source route": "@evil.example:anna@drovi.co",
    "percent": "anna%evil.example@drovi.co",
    "bang": "evil.example!anna@drovi.co",
    "quoted": '"anna"@drovi.co',
    "quoted, with an at": '"anna@evil.example"@drovi.co',
    "escaped": "an\\na@drovi.co",
    "comment": "anna(comment)@drovi.co",
    "comment in the domain": "anna@drovi.co(evil.example)",
    "display name": "Anna <anna@drovi.co>",
    "list": "anna@evil.example,anna@drovi.co",
    "space": "an na@drovi.co",
    "line end": "anna@drovi.co\nanna@evil.example",
    "line end last": "anna@drovi.co\x0b.evil",
    "NUL": "anna@drovi.co\x00.evil",
    "zero width": "an\u200bna@drovi.co",
    "soft hyphen": "an\u00adna@drovi.co",
    "turned": "anna@\u202eoc.ivord",
    "Cyrillic letter": "\u0430nna@drovi.co",
    "Cyrillic domain": "anna@dr\u043evi.co",
    "its punycode": "anna@xn--drvi-55d.co",
    "dotless i": "anna@drov\u0131.co",
    "full width": "\uff41nna@drovi.co",
    "full-width domain": "anna@\uff44rovi.co",
    "full-width at": "anna\uff20drovi.co",
    "ideographic stop": "anna@drovi\u3002co",
    "combining": "anna\u0301@drovi.co",
    "IDN domain": "anna@drövi.co",
    "Kelvin sign": "ann\u212aa@drovi.co",
    "long s": "anna\u017f@drovi.co",
    "capitals": "Anna@drovi.co",
    "capital domain": "anna@DROVI.CO",
    "empty": "@drovi.co",
    "domain alone": "drovi.co",
    "too long": "a" * 65 + "@drovi.co",
}
# The rest the database itself refuses to hold.
STORABLE = {name: text for name, text in TRICKS.items() if "\x00" not in text and text == text.lower()}
every_trick = pytest.mark.parametrize("address", TRICKS.values(), ids=TRICKS.keys())


@pytest.fixture
def anna(administrator: Make) -> AdminBrowser:
    return administrator(REGISTERED)


@every_trick
def test_no_such_address_is_invited(anna: AdminBrowser, address: str) -> None:
    """Nor is a row of it made."""
    before = anna.run("SELECT count(*) FROM admin_user").scalar_one()
    refused = anna("POST", "/administrators", json={"email": address})
    assert (refused.status_code, refused.json()["code"]) == (422, "VALIDATION_ERROR")
    assert anna.run("SELECT count(*) FROM admin_user").scalar_one() == before


@every_trick
def test_none_of_them_signs_in_as_the_one_it_looks_like(anna: AdminBrowser, address: str) -> None:
    """With the right password of the account that it may normalise to."""
    assert anna.again().password(ADMIN_PASSWORD, address).status_code in {401, 422}


@pytest.mark.parametrize("address", STORABLE.values(), ids=STORABLE.keys())
def test_not_even_a_row_in_the_database_lets_one_in(anna: AdminBrowser, address: str) -> None:
    """Whatever wrote it there: the rule is asked at the sign-in and at every request, not at the invitation alone."""
    anna.run("UPDATE admin_user SET email = :evil WHERE email = :email", evil=address, email=anna.email)
    assert anna("GET", "/organisations").status_code == 401
    assert anna.again().password(ADMIN_PASSWORD, address).status_code in {401, 422}


def test_a_plus_is_another_account_and_no_way_into_the_first(anna: AdminBrowser, administrator: Make) -> None:
    """``anna+b`` is an administrator only where exactly that was registered, with a password of its own."""
    assert anna.again().password(ADMIN_PASSWORD, "anna+b@drovi.co").status_code == 401
    other = administrator("anna+b@drovi.co")
    assert other("GET", "/auth/session").json()["email"] == "anna+b@drovi.co"
    anna.run("UPDATE admin_user SET disabled_at = now() WHERE email = 'anna+b@drovi.co'")
    assert anna.sign_in().status_code == 200
    assert other("GET", "/organisations").status_code == 401


@pytest.mark.parametrize(
    "lacking",
    ["email_verified_at = NULL", "totp_confirmed_at = NULL", "password_hash = NULL", "disabled_at = now()"],
)
def test_an_account_that_lacks_a_proof_is_none(anna: AdminBrowser, lacking: str) -> None:
    """An unverified address, above all. Sessions that were open are shut with it."""
    anna.run(f"UPDATE admin_user SET {lacking} WHERE email = :email", email=anna.email)
    assert anna.again().password().status_code == 401
    assert anna("GET", "/organisations").status_code == 401


def test_another_installation_has_another_domain(anna: AdminBrowser, admin_browser: Make) -> None:
    """Set anew, it counts from the next request on: for open sessions, sign-ins and invitations."""
    moved = admin_browser(domain="firm.example")
    anna.http = moved.http
    cookies: dict[str, Any] = dict(anna.http.cookies)
    anna.http.cookies.update(cookies)
    assert anna("GET", "/organisations").status_code == 401
    assert anna.password().status_code == 401


def test_what_was_tried_is_written_down_on_one_line(anna: AdminBrowser, log: Log) -> None:
    """An address that holds control characters cannot draw in an operator's terminal."""
    anna.again().password(ADMIN_PASSWORD, "anna\x1b[2J\n@drovi.co")
    assert log(action="session.failed")[-1].actor_label == "anna[2J@drovi.co"
