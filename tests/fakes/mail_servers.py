"""Where mails go in a test: a real SMTP server, a server of bare bytes, and a Resend that misbehaves when asked."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "drovi", "Xk9-planted:p@ss/word"


@dataclass(frozen=True)
class Certificates:
    """A certificate authority of a test's own, and a server's certificate from it."""

    authority: Path
    server: Path

    @property
    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        return context


def make_certificates(folder: Path, *addresses: str) -> Certificates:
    """For a server that is reached under these IP addresses."""
    now = datetime.now(UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Authority", "Mail server")
    ]
    alternatives = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    )
    made = []
    for own, extension in ((0, x509.BasicConstraints(ca=True, path_length=0)), (1, alternatives)):
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[own])
            .issuer_name(names[0])
            .public_key(keys[own].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(extension, critical=own == 0)
        )
        made.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    secret = keys[1].private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "authority.pem").write_bytes(made[0])
    (folder / "server.pem").write_bytes(made[1] + secret)
    return Certificates(folder / "authority.pem", folder / "server.pem")


@dataclass
class MailServer:
    """What an SMTP server received, and what it shall answer instead of doing its work."""

    port: int = 0
    received: list[Envelope] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    """Of each mail received, whether it came over TLS."""
    logins: list[bytes] = field(default_factory=list)
    """Passwords that clients gave."""
    answers: dict[str, list[str]] = field(default_factory=dict)
    """By command (MAIL, RCPT, DATA, QUIT), taken one by one; "hang" means no answer, "drop" a closed connection."""

    async def _scripted(self, command: str, server: SMTP) -> str | None:
        script = self.answers.get(command, [])
        answer = script.pop(0) if script else None
        if answer == "hang":
            await asyncio.sleep(60)
        if answer == "drop":
            assert server.transport is not None
            server.transport.close()
        return answer

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := await self._scripted("MAIL", server):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := await self._scripted("RCPT", server):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if answer := await self._scripted("DATA", server):
            return answer
        self.received.append(envelope)
        self.encrypted.append(session.ssl is not None)
        return "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        return await self._scripted("QUIT", server) or "221 Bye"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, method: str, data: Any) -> Any:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.password)
        good = (data.login.decode(), data.password.decode()) == (USER, PASSWORD)
        return AuthResult(success=good, handled=good)


@contextmanager
def mail_server(
    *, starttls: ssl.SSLContext | None = None, implicit: ssl.SSLContext | None = None, login: bool = False
) -> Iterator[MailServer]:
    """A real SMTP server on loopback."""
    server = MailServer()
    loop = asyncio.new_event_loop()

    def protocol() -> SMTP:
        return SMTP(
            server,
            hostname="mail.test",
            loop=loop,
            tls_context=starttls,
            authenticator=server.authenticate if login else None,
            # In the clear, the command is offered only where there is a login to give.
            auth_required=login and starttls is not None,
            auth_require_tls=starttls is not None or not login,
        )

    listener = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit))
    server.port = listener.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(_shut(listener), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _shut(listener: asyncio.Server) -> None:
    listener.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0.05)  # the transports' own closing callbacks


@contextmanager
def raw_server(conversation: Callable[[socket.socket], None]) -> Iterator[int]:
    """Runs the conversation with each client that connects; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        clients: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                clients.append(client)
                try:
                    conversation(client)
                except OSError:
                    pass
                finally:
                    client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for client in clients:
                client.close()
            thread.join()


@dataclass
class Resend:
    """Resend's sending endpoint: what it delivered by key, and how it shall answer next."""

    url: str = ""
    api_key: str = "re_planted_Zk3Qm9Lx"
    requests: list[dict[str, Any]] = field(default_factory=list)
    """The headers of each request, names in lower case."""
    delivered: dict[str, Any] = field(default_factory=dict)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    """Status, headers and body, taken one by one before the work is done."""
    silent: threading.Event = field(default_factory=threading.Event)
    """While set, requests are read and never answered."""
    slow_body: float = 0.0
    """Seconds between the bytes of each answer's body."""
    stopped: threading.Event = field(default_factory=threading.Event)

    def answer(self, headers: dict[str, str], payload: Any) -> tuple[int, dict[str, str], bytes]:
        """Its documented behaviour."""
        self.requests.append(headers)
        if self.answers:
            return self.answers.pop(0)
        if headers.get("authorization") != f"Bearer {self.api_key}":
            return problem(401, "validation_error", "API key is invalid")
        key = headers["idempotency-key"]
        if self.delivered.setdefault(key, payload) != payload:
            return problem(409, "invalid_idempotent_request", "Same key, another payload.")
        return 200, {}, json.dumps({"id": "49a3999c"}).encode()


def problem(status: int, name: str, message: str = "", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """An error as Resend words it; headers by their names with ``_`` for ``-``."""
    body = json.dumps({"statusCode": status, "name": name, "message": message}).encode()
    return status, {key.replace("_", "-"): value for key, value in headers.items()}, body


@contextmanager
def resend_server() -> Iterator[Resend]:
    """Resend on loopback."""
    resend = Resend()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if resend.silent.is_set():
                resend.requests.append(headers)
                resend.stopped.wait(60)
                return
            status, extra, body = (
                resend.answer(headers, payload) if self.path == "/emails" else problem(404, "not_found")
            )
            self.send_response(status)
            for name, value in {**extra, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.dribble(body)

        def dribble(self, body: bytes) -> None:
            if not resend.slow_body:
                self.wfile.write(body)
                return
            try:
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    if resend.stopped.wait(resend.slow_body):
                        return
            except OSError:
                return  # the client has left

        def log_message(self, *args: Any) -> None:
            del args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    resend.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield resend
    finally:
        resend.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


def dribbling(client: socket.socket) -> None:
    """A greeting that never ends, a byte at a time."""
    while True:
        client.sendall(b"2")
        time.sleep(0.05)
