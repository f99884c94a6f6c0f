"""The shapes of passwords."""

from __future__ import annotations

from drovi_api.auth.shapes import Address, Input, Password, Token


class Forgotten(Input):
    """Whose password is to be reset."""

    email: Address


class Reset(Input):
    """A new password, with the token of the link."""

    token: Token
    password: Password


class Change(Input):
    """A new password, with the old one as proof."""

    current_password: Password
    new_password: Password
