"""Every setting: its variable, its section in the reference, what it is, and a default that works on one machine.

Grouped by who turns them, each group a part of :class:`resources.settings.Settings`. Secrets never have a literal
default: those a person must give are empty.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr

from resources.settings.addresses import APP_ROLE, IDENTITY_ROLE, WORKER_ROLE
from resources.settings.field import setting as _setting

MEBIBYTE = 1024 * 1024

Port = Annotated[int, Field(ge=1, le=65535)]


class Storage(BaseModel):
    """Where state is kept."""

    home: Path = _setting(
        "DROVI_HOME",
        "State",
        "Folder of all local state: embedded database, objects, logs, generated secrets.",
        Path(".drovi"),
        validate_default=True,
    )

    database_url: SecretStr = _setting(
        "DATABASE_URL",
        "Database",
        "Postgres as the role that owns the tables and migrates them. Empty: an embedded Postgres under DROVI_HOME.",
        SecretStr(""),
    )
    database_app_url: SecretStr = _setting(
        "DATABASE_APP_URL",
        "Database",
        f"Postgres as the API's role, under row-level security. Empty: DATABASE_URL's server as `{APP_ROLE}`.",
        SecretStr(""),
    )
    database_worker_url: SecretStr = _setting(
        "DATABASE_WORKER_URL",
        "Database",
        f"Postgres as the role of background work. Empty: DATABASE_URL's server as `{WORKER_ROLE}`.",
        SecretStr(""),
    )
    database_identity_url: SecretStr = _setting(
        "DATABASE_IDENTITY_URL",
        "Database",
        f"Postgres as the role that signs people in. Empty: DATABASE_URL's server as `{IDENTITY_ROLE}`.",
        SecretStr(""),
    )
    database_app_password: SecretStr = _setting(
        "DATABASE_APP_PASSWORD",
        "Database",
        f"Password of `{APP_ROLE}` where DATABASE_APP_URL is empty. Empty: generated, in secrets.json.",
        SecretStr(""),
    )
    database_worker_password: SecretStr = _setting(
        "DATABASE_WORKER_PASSWORD",
        "Database",
        f"Password of `{WORKER_ROLE}` where DATABASE_WORKER_URL is empty. Empty: generated, in secrets.json.",
        SecretStr(""),
    )
    database_identity_password: SecretStr = _setting(
        "DATABASE_IDENTITY_PASSWORD",
        "Database",
        f"Password of `{IDENTITY_ROLE}` where DATABASE_IDENTITY_URL is empty. Empty: generated, in secrets.json.",
        SecretStr(""),
    )
    dagster_database_url: SecretStr = _setting(
        "DAGSTER_DATABASE_URL",
        "Database",
        "Postgres for Dagster's own storage. Empty: the database `dagster` on DATABASE_URL's server, as its role.",
        SecretStr(""),
    )
    postgres_port: int = _setting(
        "POSTGRES_PORT",
        "Database",
        "Loopback port of the embedded Postgres. 0: a free one, chosen once and remembered under DROVI_HOME.",
        0,
        ge=0,
        le=65535,
    )

    object_store_url: str = _setting(
        "OBJECT_STORE_URL",
        "Object store",
        "`file:///folder` or `s3://bucket/prefix`. Empty: the folder `objects` under DROVI_HOME.",
        "",
    )
    s3_endpoint_url: str = _setting(
        "S3_ENDPOINT_URL",
        "Object store",
        "Address of an S3-compatible service. Empty: Amazon's. Credentials come from the usual AWS variables.",
        "",
    )

    given_master_keys: SecretStr = _setting(
        "DROVI_MASTER_KEYS",
        "Secrets",
        "Keys that stored secrets are sealed under: `id:base64,id:base64`, 32 bytes each, the current one first. "
        "Empty: made by this machine, in secrets.json.",
        SecretStr(""),
    )


class Work(BaseModel):
    """How the platform works, and within what limits."""

    llm_base_url: str = _setting(
        "LLM_BASE_URL",
        "Intelligence",
        "OpenAI-compatible endpoint for extraction and answers. Empty: the built-in extractor and answerer.",
        "",
    )
    llm_api_key: SecretStr = _setting(
        "LLM_API_KEY", "Intelligence", "Bearer token for LLM_BASE_URL, where it wants one.", SecretStr("")
    )
    embedding_precision: Literal["auto", "bf16", "fp32"] = _setting(
        "DROVI_EMBEDDING_PRECISION",
        "Intelligence",
        "Arithmetic of the embedding model. auto: bf16 where the processor has AVX-512 BF16, else fp32. "
        "Part of the model's name: set it when machines of both sorts share one index.",
        "auto",
    )
    embedding_model_path: str = _setting(
        "DROVI_EMBEDDING_MODEL_PATH",
        "Intelligence",
        "Folder of a sentence-transformers model (BERT, mean pooling, 384 dimensions). Empty: all-MiniLM-L6-v2 from its package.",
        "",
    )

    api_host: str = _setting("DROVI_API_HOST", "Services", "Address on which the API listens.", "127.0.0.1")
    api_port: Port = _setting("DROVI_API_PORT", "Services", "Port of the API.", 8000)
    dagster_port: Port = _setting("DROVI_DAGSTER_PORT", "Services", "Port of the Dagster UI.", 3000)
    code_server_port: Port = _setting(
        "DROVI_CODE_SERVER_PORT", "Services", "Port of Dagster's code server (gRPC, loopback).", 4266
    )
    metrics_host: str = _setting(
        "DROVI_METRICS_HOST",
        "Services",
        "Address on which the code server answers Prometheus. The API does on its own port, at `/metrics`.",
        "127.0.0.1",
    )
    metrics_port: Port = _setting(
        "DROVI_METRICS_PORT", "Services", "Port on which the code server answers Prometheus.", 9464
    )

    parse_max_bytes: int = _setting(
        "DROVI_PARSE_MAX_BYTES",
        "Parsing limits",
        "Largest file that is parsed, in bytes.",
        256 * MEBIBYTE,
        ge=1,
    )
    parse_max_pages: int = _setting(
        "DROVI_PARSE_MAX_PAGES", "Parsing limits", "Most pages of one document that are read.", 5_000, ge=1
    )
    parse_max_unpacked_bytes: int = _setting(
        "DROVI_PARSE_MAX_UNPACKED_BYTES",
        "Parsing limits",
        "Largest declared size, unpacked, of a zipped format (DOCX, XLSX), in bytes: above it is a bomb.",
        256 * MEBIBYTE,
        ge=1,
    )
    call_rates: str = _setting(
        "DROVI_CALL_RATES",
        "Connectors",
        "How often providers are called, in place of what their connectors say, by all processes together: "
        "`gmail=10/20, graph=4` is calls a second and, after the stroke, how many at once.",
        "",
    )
    parse_seconds: float = _setting(
        "DROVI_PARSE_SECONDS", "Parsing limits", "Wall-clock seconds that one file may take.", 60.0, gt=0
    )
    parse_memory_bytes: int = _setting(
        "DROVI_PARSE_MEMORY_BYTES",
        "Parsing limits",
        "Memory of the parsing child, in bytes.",
        512 * MEBIBYTE,
        ge=64 * MEBIBYTE,
    )


class People(BaseModel):
    """How people come in, and what reaches them."""

    mail_url: SecretStr = _setting(
        "DROVI_MAIL_URL",
        "Mail",
        "How mail leaves: `smtp://user:password@host:587` (STARTTLS, required but on loopback), "
        "`smtps://user:password@host:465`, or `resend://`. Empty: as files in the folder `mail` under DROVI_HOME.",
        SecretStr(""),
    )
    mail_from: str = _setting(
        "DROVI_MAIL_FROM",
        "Mail",
        "Sender, `address` or `Name <address>`. Empty: `Drovi <drovi@localhost>`, for the folder alone.",
        "",
    )
    mail_ca_file: str = _setting(
        "DROVI_MAIL_CA_FILE",
        "Mail",
        "PEM file of a certificate authority that a mail server of one's own is trusted by, beside the public ones.",
        "",
    )
    resend_api_key: SecretStr = _setting(
        "RESEND_API_KEY", "Mail", "API key of Resend, where DROVI_MAIL_URL is `resend://`.", SecretStr("")
    )
    resend_base_url: str = _setting(
        "RESEND_BASE_URL", "Mail", "Address of Resend's API.", "https://api.resend.com"
    )
    public_url: str = _setting(
        "DROVI_PUBLIC_URL",
        "Mail",
        "Where people reach Drovi in a browser: links in mails start with it.",
        "http://127.0.0.1:8000",
    )
    sign_up: Literal["open", "invited"] = _setting(
        "DROVI_SIGN_UP",
        "Signing in",
        "`open`: anybody may sign up and found an organisation. `invited`: accounts are by invitation.",
        "open",
    )
    cors_origins: str = _setting(
        "DROVI_CORS_ORIGINS",
        "Signing in",
        "Origins of other sites (`https://app.firm.example`, separated by spaces) whose pages may use the API.",
        "",
    )
    oidc_issuer: str = _setting(
        "DROVI_OIDC_ISSUER",
        "Signing in",
        "Issuer of the OpenID provider that people may sign in with, to the letter. Empty: passwords alone.",
        "",
    )
    oidc_client_id: str = _setting(
        "DROVI_OIDC_CLIENT_ID", "Signing in", "Client id that the provider knows this installation by.", ""
    )
    oidc_client_secret: SecretStr = _setting(
        "DROVI_OIDC_CLIENT_SECRET",
        "Signing in",
        "Client secret. Empty: a public client, held by PKCE alone.",
        SecretStr(""),
    )
    oidc_name: str = _setting(
        "DROVI_OIDC_NAME",
        "Signing in",
        "What the button of the sign-in page calls the provider.",
        "Single sign-on",
    )
    oidc_scopes: str = _setting(
        "DROVI_OIDC_SCOPES",
        "Signing in",
        "What is asked of the provider, separated by spaces.",
        "openid email profile",
    )
    oidc_allowed_domains: str = _setting(
        "DROVI_OIDC_ALLOWED_DOMAINS",
        "Signing in",
        "Domains whose verified addresses may sign in by the provider, separated by spaces. Empty: all.",
        "",
    )

    admin_domain: str = _setting(
        "DROVI_ADMIN_DOMAIN",
        "Administration",
        "Administrators of the platform have addresses at exactly this domain, in lower case.",
        "drovi.co",
        pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$",
    )
    admin_min_password: int = _setting(
        "DROVI_ADMIN_MIN_PASSWORD",
        "Administration",
        "Least length of an administrator's password. Where it was raised, older passwords have to be replaced.",
        16,
        ge=12,
        le=128,
    )
    admin_password_days: int = _setting(
        "DROVI_ADMIN_PASSWORD_DAYS",
        "Administration",
        "Days after which an administrator's password has to be replaced.",
        90,
        ge=1,
    )
    admin_session_minutes: int = _setting(
        "DROVI_ADMIN_SESSION_MINUTES",
        "Administration",
        "Minutes without a request after which an administrator's session is over.",
        30,
        ge=1,
        le=24 * 60,
    )
    admin_session_hours: int = _setting(
        "DROVI_ADMIN_SESSION_HOURS",
        "Administration",
        "Hours after signing in at which an administrator's session is over in any case.",
        8,
        ge=1,
        le=24,
    )

    intake_max_bytes: int = _setting(
        "DROVI_INTAKE_MAX_BYTES",
        "Webhooks",
        "Largest message that is taken in at a source's address, in bytes; no request may be larger than the default.",
        MEBIBYTE,
        ge=1024,
        le=MEBIBYTE,
    )
    intake_per_minute: int = _setting(
        "DROVI_INTAKE_PER_MINUTE",
        "Webhooks",
        "Messages that one address takes in, a minute, evenly; beyond them senders are asked to come back.",
        1200,
        ge=1,
    )

    outbound_networks: str = _setting(
        "DROVI_OUTBOUND_NETWORKS",
        "Webhooks",
        "Networks of one's own (`10.20.0.0/16`, separated by spaces) that webhooks may be sent to. All others that are not "
        "public are never called.",
        "",
    )

    erasure_grace_days: int = _setting(
        "DROVI_ERASURE_GRACE_DAYS",
        "Erasure",
        "Days between asking for an organisation's erasure and its beginning, in which it can be called off.",
        7,
        ge=0,
        le=365,
    )

    organisation_name: str = _setting(
        "DROVI_ORGANISATION", "First organisation", "Name of the organisation that set-up creates.", "My firm"
    )
    owner_email: str = _setting(
        "DROVI_OWNER_EMAIL", "First organisation", "E-mail address of its first owner.", "owner@localhost"
    )
    owner_name: str = _setting("DROVI_OWNER_NAME", "First organisation", "Name of its first owner.", "Owner")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _setting(
        "DROVI_LOG_LEVEL", "Logs", "Least severe level that is written.", "INFO"
    )
    log_format: Literal["json", "console"] = _setting(
        "DROVI_LOG_FORMAT", "Logs", "`json`, one object a line, or `console` for reading by eye.", "json"
    )
