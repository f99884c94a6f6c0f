"""The shapes of changing an address."""

from __future__ import annotations

from drovi_api.auth.shapes import Address, Input, Password, Token


class NewAddress(Input):
    """Where the account is to go, with the password as proof."""

    email: Address
    password: Password


class Confirmation(Input):
    """Shows that mail to the new address reaches its person."""

    token: Token
