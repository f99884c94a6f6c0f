"""An OpenID provider on loopback, after OpenID Connect Core 1.0, Discovery 1.0, RFC 7636 and RFC 9207. Hostile on demand.

It signs in whom it is told to, without asking: ``person`` holds the claims. What a provider must check (redirect URI,
client, code, PKCE) it checks; what it may get wrong, or do on purpose, stands in ``Hostility``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit
from uuid import uuid4

from joserfc import jwk, jwt

CLIENT_ID = "drovi"
CLIENT_SECRET = "s3cret/with:signs"


@dataclass
class Hostility:
    """What goes wrong. A claim of None is left out."""

    claims: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    unknown_key: bool = False
    broken_signature: bool = False
    description: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    token_status: int = 200
    userinfo: dict[str, Any] = field(default_factory=dict)
    drip_seconds: float = 0.0


@dataclass
class _SignIn:
    redirect_uri: str
    nonce: str
    challenge: str


class OidcProvider:
    """The provider; a context manager that serves while it is open."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {}
        self.hostility = Hostility()
        self.asked: Counter[str] = Counter()
        self.keys = [_new_key()]
        self._codes: dict[str, _SignIn] = {}
        self._access: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/firm"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def rotate_keys(self) -> None:
        """Sign with another key from now on, and show that one alone."""
        self.keys = [_new_key()]

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            **self.hostility.description,
        }

    def shown_keys(self) -> dict[str, Any]:
        """With a symmetric one and a broken one among them, as a careless provider would."""
        own = [key.as_dict(private=False) | {"use": "sig"} for key in self.keys]
        return {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": self.keys[0].kid}, {"kty": "RSA"}, *own]}

    def authorize(self, query: dict[str, str]) -> str:
        """The address that the browser is sent back to."""
        assert query["client_id"] == CLIENT_ID
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = uuid4().hex
        self._codes[code] = _SignIn(query["redirect_uri"], query["nonce"], query["code_challenge"])
        outcome = {"error": self.hostility.error} if self.hostility.error else {"code": code}
        answer = {"state": query["state"], "iss": self.issuer, **outcome, **self.hostility.answer}
        shown = {name: value for name, value in answer.items() if value is not None}
        return f"{query['redirect_uri']}?{urlencode(shown)}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        if self.hostility.token_status != 200:
            return self.hostility.token_status, {"error": "server_error"}
        if not _is_client(form, authorization):
            return 401, {"error": "invalid_client"}
        started = self._codes.pop(form["code"], None)
        challenge = _b64(hashlib.sha256(form["code_verifier"].encode()).digest())
        if started is None or started.redirect_uri != form["redirect_uri"] or started.challenge != challenge:
            return 400, {"error": "invalid_grant"}
        access_token = uuid4().hex
        self._access[access_token] = self.person
        return 200, {
            "access_token": access_token,
            "token_type": "Bearer",
            "id_token": self._id_token(started, access_token),
        }

    def userinfo(self, authorization: str) -> dict[str, Any] | None:
        person = self._access.get(authorization.removeprefix("Bearer "))
        return None if person is None else person | self.hostility.userinfo

    def _id_token(self, started: _SignIn, access_token: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": started.nonce,
            "at_hash": _b64(hashlib.sha256(access_token.encode()).digest()[:16]),
            **self.person,
            **self.hostility.claims,
        }
        return self._signed({name: value for name, value in claims.items() if value is not None})

    def _signed(self, claims: dict[str, Any]) -> str:
        key = self.keys[0]
        header = {"alg": self.hostility.algorithm, "kid": key.kid}
        if self.hostility.algorithm == "none":
            return f"{_json(header)}.{_json(claims)}."
        if (
            self.hostility.algorithm == "HS256"
        ):  # the public key, which everybody has, taken for a shared secret
            shared = jwk.OctKey.import_key(_b64(key.as_pem(private=False)))
            return jwt.encode(header, claims, shared, algorithms=["HS256"])
        signing = _new_key() if self.hostility.unknown_key else key
        token = jwt.encode(header, claims, signing, algorithms=["RS256"])
        if self.hostility.broken_signature:
            head, _, signature = token.split(".")
            return f"{head}.{_json(claims | {'sub': 'somebody else'})}.{signature}"
        return token


def _is_client(form: dict[str, str], authorization: str) -> bool:
    if authorization.startswith("Basic "):
        name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        return (unquote(name), unquote(secret)) == (CLIENT_ID, CLIENT_SECRET)
    return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)


def _new_key() -> jwk.RSAKey:
    return jwk.RSAKey.generate_key(2048, {"kid": uuid4().hex}, private=True)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _json(value: dict[str, Any]) -> str:
    return _b64(json.dumps(value).encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, provider: OidcProvider) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.provider = provider


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        provider, parts = self.server.provider, urlsplit(self.path)
        path = parts.path.removeprefix("/firm")
        provider.asked[path] += 1
        match path:
            case "/.well-known/openid-configuration":
                self._answer(200, provider.description())
            case "/keys":
                self._answer(200, provider.shown_keys())
            case "/authorize":
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self._answer(302, {}, location=provider.authorize(query))
            case "/userinfo":
                about = provider.userinfo(self.headers.get("Authorization", ""))
                self._answer(401 if about is None else 200, about or {})
            case _:
                self._answer(404, {})

    def do_POST(self) -> None:
        provider = self.server.provider
        provider.asked[self.path.removeprefix("/firm")] += 1
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self._answer(*provider.token(form, self.headers.get("Authorization", "")))

    def _answer(self, status: int, body: dict[str, Any], location: str = "") -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        pause = self.server.provider.hostility.drip_seconds
        for piece in [bytes([byte]) for byte in raw] if pause else [raw]:
            time.sleep(pause)
            self.wfile.write(piece)
            self.wfile.flush()

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            return  # who asked has given up

    def log_message(self, *_: object) -> None:
        """Quiet."""
