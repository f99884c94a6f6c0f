"""What people name is called only where every address it has is a public one, and at that very address."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from resources.errors import Invalid, NotConfigured, ProviderDown
from resources.http import Answer
from resources.outbound import Outbound, checked, networks_of


class Client:
    """Notes what would be called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def request(self, _method: str, url: str, **more: Any) -> Answer:
        self.calls.append((url, more))
        return Answer(200, {}, b"")


@pytest.fixture
def client() -> Any:
    return Client()


def _answering(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    asked: list[str] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1"),
        *("64:ff9b:1::a00:1", "2001:0:4136:e378:8000:63bf:80ff:fffe"),
    ],
)
def test_an_address_that_is_not_public_is_never_called(
    monkeypatch: pytest.MonkeyPatch, client: Any, address: str
) -> None:
    """Nor where the host has a public one beside it."""
    for answers in ([address], ["93.184.216.34", address]):
        _answering(monkeypatch, *answers)
        with pytest.raises(Invalid, match="not public"):
            Outbound().post(client, "https://hooks.example/in", {}, b"{}")
    assert client.calls == []


def test_a_name_is_asked_for_once_and_its_address_is_dialled(
    monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    """With the certificate and the host of the name: what it would answer next time changes nothing."""
    asked = _answering(monkeypatch, "93.184.216.34")
    Outbound().post(client, "https://hooks.example/in?a=1", {"x": "y"}, b"{}")
    ((url, more),) = client.calls
    assert url == "https://93.184.216.34:443/in?a=1"
    assert more["headers"] == {"x": "y", "Host": "hooks.example"}
    assert more["tls_name"] == "hooks.example"
    assert asked == ["hooks.example"]


def test_an_ipv6_address_is_dialled_too(monkeypatch: pytest.MonkeyPatch, client: Any) -> None:
    _answering(monkeypatch, "2606:2800:220:1::1")
    Outbound().post(client, "https://hooks.example:8443", {}, b"{}")
    assert client.calls[0][0] == "https://[2606:2800:220:1::1]:8443/"


def test_a_network_of_ones_own_is_reached_where_it_is_allowed(
    monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    """Over plain HTTP as well, which a public host is not."""
    outbound = Outbound(networks_of("10.20.0.0/16 fd00::/8"))
    _answering(monkeypatch, "10.20.3.4")
    outbound.post(client, "http://portal.internal/in", {}, b"{}")
    assert client.calls[0][0] == "http://10.20.3.4:80/in"
    _answering(monkeypatch, "10.21.0.1")
    with pytest.raises(Invalid, match="not public"):
        outbound.post(client, "https://portal.internal/in", {}, b"{}")
    _answering(monkeypatch, "93.184.216.34")
    with pytest.raises(Invalid, match="plain HTTP"):
        outbound.post(client, "http://hooks.example/in", {}, b"{}")


def test_a_name_that_nobody_has_may_come(monkeypatch: pytest.MonkeyPatch, client: Any) -> None:
    """It is tried again, as any fault that passes."""
    _answering(monkeypatch)
    with pytest.raises(ProviderDown):
        Outbound().post(client, "https://hooks.example/in", {}, b"{}")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "ftp://hooks.example/",
            "file:///etc/passwd",
            "gopher://hooks.example",
            "hooks.example",
            "https://",
            "",
        ),
        *(
            "https://user:secret@hooks.example/",
            "https://hooks.example@10.0.0.1/",
            "https://hooks.example/#x",
        ),
        *("https://hooks.example\\@10.0.0.1/", "https://hooks example/", "https://hooks.example:99999/"),
        *(
            "https://hóoks.example/",
            "https://hooks.example/\r\nx: y",
            "//hooks.example/",
            "javascript:alert(1)",
        ),
    ],
)
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    """Without being repeated: it may hold a password."""
    with pytest.raises(Invalid) as refused:
        checked(url)
    assert "secret" not in str(refused.value)


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(NotConfigured):
        networks_of("10.0.0.0/8 everything")
