"""Addresses among the settings: who connects to Postgres where, and what a usable address of each kind looks like.

The checks raise ``ValueError`` with what is wanted and never with what was given, which may hold a password.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

OWNER_ROLE = "drovi_owner"
APP_ROLE = "drovi_app"
WORKER_ROLE = "drovi_worker"
IDENTITY_ROLE = "drovi_identity"
LOG_IN_ROLES = (APP_ROLE, WORKER_ROLE, IDENTITY_ROLE)
"""The roles that processes log in as to serve; the owner only migrates."""


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """Where each role connects: ``postgresql://`` addresses without a driver suffix, passwords included."""

    owner: str = field(repr=False)
    app: str = field(repr=False)
    worker: str = field(repr=False)
    identity: str = field(repr=False)
    dagster: str = field(repr=False)


def with_driver(url: str, driver: str) -> str:
    """``postgresql://…`` as SQLAlchemy wants it: ``postgresql+<driver>://…``.

    The suffix is never left out: SQLAlchemy 2.1 picks psycopg 3 for a bare address, dagster-postgres
    speaks only psycopg2.
    """
    return url.replace("postgresql://", f"postgresql+{driver}://", 1)


def replaced(url: str, *, user: str = "", password: str = "", database: str = "") -> str:
    """The address with another login (both parts escaped) or database."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    login = parts.netloc.rpartition("@")[0]
    if user:
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return urlunsplit(
        parts._replace(
            netloc=f"{login}@{host}" if login else host, path=f"/{database}" if database else parts.path
        )
    )


def check_postgres(url: str) -> None:
    """Empty, or Postgres without a driver suffix."""
    shape = "postgresql://user:password@host:5432/database"
    if url and not ((parts := _parts(url, shape)).scheme == "postgresql" and parts.hostname):
        raise _unlike(shape)


def check_object_store(url: str) -> None:
    """Empty, a local folder, or a bucket."""
    shape = "file:///folder or s3://bucket/prefix"
    parts = _parts(url, shape)
    local = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
    if url and not local and not (parts.scheme == "s3" and parts.netloc):
        raise _unlike(shape)


def check_http(url: str) -> None:
    """Empty, or an address of the web."""
    shape = "https://host"
    if url and not ((parts := _parts(url, shape)).scheme in {"http", "https"} and parts.hostname):
        raise _unlike(shape)


def check_mail(url: str) -> None:
    """Empty, a mail server with or without a login, or Resend.

    Nothing may follow the host: it would be the end of a password with a ``/``, ``?`` or ``#`` that is not escaped.
    """
    shape = (
        "smtp://user:password@host:587, smtps://user:password@host:465 or resend://, "
        "with / ? # @ : in a password written as %2F %3F %23 %40 %3A"
    )
    if url in {"", "resend://"}:
        return
    parts = _parts(url, shape)
    half_a_login = (parts.username is None) != (parts.password is None)
    rest = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.port == 0 or half_a_login or rest:
        raise _unlike(shape)


def _parts(url: str, shape: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # it quotes what stands where the host or port should, which may be part of a password
        raise _unlike(shape) from None
    return parts


def _unlike(shape: str) -> ValueError:
    return ValueError(f"must look like {shape}")


def check_tls(url: str) -> str:
    """The address, where what it is told and asked stays between the two: over TLS, or on this machine."""
    parts = _parts(url, "https://host")
    here = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not parts.hostname or not (here or parts.scheme == "https"):
        raise _unlike("https://host")
    return url


def check_origins(origins: str) -> None:
    """Origins as browsers send them (RFC 6454), separated by spaces; no wildcard, since cookies go along."""
    for origin in origins.split():
        parts = _parts(origin, "https://app.firm.example")
        exact = f"{parts.scheme}://{parts.netloc}".lower()
        known = parts.scheme in {"http", "https"} and parts.hostname
        if not known or origin != exact or "*" in origin:
            raise ValueError("must be origins such as https://app.firm.example, separated by spaces")
