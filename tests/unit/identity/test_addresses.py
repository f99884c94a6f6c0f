"""One person is one spelling of an address."""

from __future__ import annotations

import pytest

from resources.errors import Invalid
from resources.identity.addresses import domain_of, normalise


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Anne.Morel@Cabinet.Example ", "anne.morel@cabinet.example"),
        ("anne+drovi@cabinet.example", "anne+drovi@cabinet.example"),
        ("hélène@étude.example", "hélène@étude.example"),
        ("hélène@xn--tude-9oa.example", "hélène@étude.example"),
        # The same letters, composed and decomposed.
        ("he\u0301le\u0300ne@cabinet.example", "hélène@cabinet.example"),
    ],
)
def test_what_people_type_becomes_one_form(typed: str, kept: str) -> None:
    assert normalise(typed) == kept
    assert normalise(kept) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "anne", "anne@", "@cabinet.example", "a b@cabinet.example", "a@b@c.example", "anne@cabinet..example",
     "anne@cabinet.example\r\nBcc: all@cabinet.example", '"a b"@cabinet.example', "a@[127.0.0.1]", "x" * 300 + "@c.example"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_being_repeated(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        normalise(typed)
    assert not typed or typed not in str(refused.value)


def test_a_domain_is_what_stands_after_the_last_at() -> None:
    assert domain_of("anne@cabinet.example") == "cabinet.example"
