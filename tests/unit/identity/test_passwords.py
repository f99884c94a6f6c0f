"""Passwords are slow to check, whoever asks, and the first guesses are refused."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, extract_parameters

from resources.errors import Invalid
from resources.identity import passwords

GOOD = "a ladder against the barn"


def test_a_hash_has_the_parameters_that_owasp_asks_for() -> None:
    parameters = extract_parameters(passwords.hashed(GOOD))
    assert (parameters.type.name, parameters.time_cost >= 2, parameters.memory_cost >= 19 * 1024) == (
        "ID",
        True,
        True,
    )


def test_the_right_password_is_right_and_no_other() -> None:
    stored = passwords.hashed(GOOD)
    assert passwords.check(stored, GOOD) == passwords.Checked(right=True)
    assert not passwords.check(stored, GOOD + " ").right
    assert not passwords.check(None, GOOD).right


def test_nobodys_password_is_wrong_too() -> None:
    """What stands in for a missing hash opens nothing."""
    assert not passwords.check(None, "nobody signs in with this").right


def test_a_hash_of_weaker_parameters_is_replaced_at_the_next_sign_in() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(GOOD)
    checked = passwords.check(weak, GOOD)
    assert checked.right
    assert checked.new_hash is not None
    assert passwords.check(checked.new_hash, GOOD) == passwords.Checked(right=True)


def test_a_very_long_password_costs_no_more() -> None:
    """It is refused before it is hashed, even where it is right."""
    long = "x y" * 200
    assert not passwords.check(passwords.hashed(long), long).right


@pytest.mark.parametrize(
    "password",
    [
        "elevenchars",
        "PasswordPassword",
        "Motdepasse2026!!",
        "passwordpassword",
        "121212121212121",
        "anne.morel is my name",
        "x" * 257,
    ],
)
def test_the_first_guesses_are_refused_without_being_repeated(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        passwords.require_acceptable(password, "anne.morel@cabinet.example")
    assert password not in str(refused.value)


@pytest.mark.parametrize(
    "password", [GOOD, "Une échelle contre la grange", "d7#kQ0!vLp2z", "🐴" * 4 + "hay and oats"]
)
def test_sentences_and_random_ones_are_welcome(password: str) -> None:
    passwords.require_acceptable(password, "anne.morel@cabinet.example")
