"""How people prove who they are: passwords, second factors, sessions, one-use tokens, and the mail that carries them.

All of it is the identity role's: the application's role cannot read a row here, nor can the workers, so neither a
query that forgot its tenant nor a pipeline can hand out a way in. Tokens are kept as hashes, what must be read
again (a TOTP secret, a mail that waits) is sealed.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    Uuid,
    text,
)

from resources.schema.base import EVERYTHING, Access, created_at, generated_id, tenant_table


def _user_id(*, primary_key: bool = False) -> Column[object]:
    return Column(
        "user_id",
        Uuid,
        ForeignKey("app_user.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
        index=not primary_key,
    )


user_credential = tenant_table(
    "user_credential",
    Access.IDENTITY,
    _user_id(primary_key=True),
    # NULL for a person who signs in through their organisation's identity provider alone.
    Column("password_hash", Text),
    created_at("password_changed_at"),
    Column("totp_key_id", Text),
    Column("totp_ciphertext", LargeBinary),
    # Until a first code is given, the factor is not in force.
    Column("totp_confirmed_at", DateTime(timezone=True)),
    # The last time step a code was taken for: a code that was seen once opens nothing again (RFC 6238, 5.2).
    Column("totp_last_step", BigInteger),
    Column("recovery_hashes", ARRAY(LargeBinary), nullable=False, server_default="{}"),
    identity=EVERYTHING,
)

user_session = tenant_table(
    "user_session",
    Access.IDENTITY,
    generated_id(),
    _user_id(),
    # The organisation it works in now; NULL for somebody who is in none.
    Column("org_id", Uuid, ForeignKey("organisation.id", ondelete="CASCADE"), index=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    created_at(),
    created_at("last_seen_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    # When a second factor was given in this session; NULL: never.
    Column("second_factor_at", DateTime(timezone=True)),
    Column("address", Text, nullable=False, server_default=""),
    Column("user_agent", Text, nullable=False, server_default=""),
    Column("revoked_at", DateTime(timezone=True)),
    identity=EVERYTHING,
)

one_time_token = tenant_table(
    "one_time_token",
    Access.IDENTITY,
    generated_id(),
    # NULL for a sign-up: there is nobody yet.
    Column("user_id", Uuid, ForeignKey("app_user.id", ondelete="CASCADE"), index=True),
    Column("purpose", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    # The address it was sent to: it proves that one, whatever the user's is by then.
    Column("email", Text, nullable=False),
    created_at(),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    Index("ix_one_time_token_email", "email", "purpose", postgresql_where=text("used_at IS NULL")),
    CheckConstraint(
        "purpose IN ('sign_up', 'change_email', 'reset_password', 'second_factor', 'admin_invitation')",
        name="purpose",
    ),
    identity=EVERYTHING,
)

oidc_sign_in = tenant_table(
    "oidc_sign_in",
    Access.IDENTITY,
    # One started sign-in at an identity provider; gone when it comes back, so a state is good once.
    Column("state_hash", LargeBinary, primary_key=True),
    # Binds the way back to the browser that left.
    Column("browser_hash", LargeBinary, nullable=False),
    Column("provider", Text, nullable=False),
    # A hash of the one, the public challenge of the other: both are derived from what the browser's cookie holds.
    Column("nonce", Text, nullable=False),
    Column("code_verifier", Text, nullable=False),
    Column("return_to", Text, nullable=False, server_default="/"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    identity=EVERYTHING,
)

identity_link = tenant_table(
    "identity_link",
    Access.IDENTITY,
    # A person at an identity provider, by the two values that name one for good (OpenID Connect Core, 2).
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    _user_id(),
    created_at(),
    identity=EVERYTHING,
)

rate_limit = tenant_table(
    "rate_limit",
    Access.IDENTITY,
    # A hash of what is limited (an account, an address): the table names nobody.
    Column("bucket", LargeBinary, primary_key=True),
    Column("tokens", REAL, nullable=False),
    created_at("refilled_at"),
    identity=EVERYTHING,
)

outgoing_mail = tenant_table(
    "outgoing_mail",
    Access.OUTGOING,
    generated_id(),
    # NULL: about the person, whatever they are a member of.
    Column("org_id", Uuid, ForeignKey("organisation.id", ondelete="CASCADE"), index=True),
    # Sealed, since its links open accounts.
    Column("key_id", Text, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    created_at(),
    Column("attempts", Integer, nullable=False, server_default="0"),
    created_at("due_at"),
    # Only of those that were given up: what was sent is deleted.
    Column("failed_at", DateTime(timezone=True)),
    Column("error", Text, nullable=False, server_default=""),
    Index("ix_outgoing_mail_due", "due_at", postgresql_where=text("failed_at IS NULL")),
    app="INSERT",
    identity="INSERT",
)

admin_user = tenant_table(
    "admin_user",
    Access.IDENTITY,
    generated_id(),
    Column("email", Text, nullable=False, unique=True),
    Column("email_verified_at", DateTime(timezone=True)),
    Column("password_hash", Text),
    created_at("password_changed_at"),
    # The least length that was asked for when it was set: where more is asked for since, it has to be replaced.
    Column("password_min_length", Integer, nullable=False, server_default="0"),
    # The latest hashes, the present one first: none of those passwords is taken again.
    Column("password_history", ARRAY(Text), nullable=False, server_default="{}"),
    Column("totp_key_id", Text),
    Column("totp_ciphertext", LargeBinary),
    Column("totp_confirmed_at", DateTime(timezone=True)),
    Column("totp_last_step", BigInteger),
    created_at(),
    Column("disabled_at", DateTime(timezone=True)),
    CheckConstraint("email = lower(email)", name="email"),
    identity=EVERYTHING,
)

admin_session = tenant_table(
    "admin_session",
    Access.IDENTITY,
    generated_id(),
    Column(
        "admin_id",
        Uuid,
        ForeignKey("admin_user.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    created_at(),
    created_at("last_seen_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    # NULL: the password was right, the second factor was not given yet.
    Column("second_factor_at", DateTime(timezone=True)),
    Column("address", Text, nullable=False, server_default=""),
    Column("revoked_at", DateTime(timezone=True)),
    identity=EVERYTHING,
)
