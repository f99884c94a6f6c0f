"""E-mail addresses as the database keeps them: one person, one spelling."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

from resources.errors import Invalid

MAX_LENGTH = 254
"""RFC 5321, 4.5.3.1.3, less the angle brackets."""


def normalise(address: str) -> str:
    """Trimmed, Unicode-normalised, lower case; the domain as its readers write it.

    The local part is lowered too: RFC 5321 would let a server tell ``Anne`` from ``anne``, none that firms use does,
    and two accounts for one mailbox are worse.

    Raises:
        Invalid: it is not an address mail could be sent to. The message does not repeat it.
    """
    try:
        # No look-up of the domain: it would tell a name server who signs in, and fail with it.
        valid = validate_email(address.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise Invalid(
            "That is not an e-mail address.", remedy="Check it for typing mistakes: name@firm.example."
        ) from error
    normalised = valid.normalized.lower()
    if len(normalised) > MAX_LENGTH:
        raise Invalid("That e-mail address is too long.", remedy=f"It has at most {MAX_LENGTH} characters.")
    return normalised


def domain_of(address: str) -> str:
    """What stands after the @ of a normalised address."""
    return address.rpartition("@")[2]
