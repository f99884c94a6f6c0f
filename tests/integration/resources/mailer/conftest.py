"""A mail, a sender, certificates, and the servers that take mails."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from resources.mailer import Mail
from resources.mailer.message import Sender
from tests.fakes.mail_servers import Certificates, Resend, make_certificates, resend_server

LINK = "https://drovi.example/verify?token=Zk3plantedtoken9Qm"


@pytest.fixture
def mail() -> Mail:
    return Mail(
        to="helene@étude.example",
        subject="Confirmez votre adresse\u00a0: « Morel »",
        text=f"Bonjour,\n.\n{LINK}\n",
        html=f'<p>Bonjour, <a href="{LINK}">confirmez</a></p>',
    )


@pytest.fixture
def sender() -> Sender:
    return Sender.parse("Drovi <noreply@drovi.example>")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"), "127.0.0.1")


@pytest.fixture
def resend() -> Iterator[Resend]:
    with resend_server() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mail"


@pytest.fixture
def unused_port() -> Callable[[], int]:
    """A port of loopback where nobody listens."""

    def find() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            return int(listener.getsockname()[1])

    return find
