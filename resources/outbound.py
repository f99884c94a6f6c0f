"""Calls to addresses that people name: what they may reach is decided on the network address itself, once, and dialled.

Whoever names an address could name one of ours: a database on loopback, a cloud's metadata service, a printer. So a host
is resolved once, every address it has must be a public one, and the connection goes to that very address: asked again,
the name may answer otherwise. Certificates are still those of the name. Redirects are not followed (``resources.http``).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from queue import Empty, Queue
from threading import Thread
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from resources.errors import Invalid, NotConfigured, ProviderDown
from resources.http import Answer, Budget, HttpClient

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

RESOLVE_SECONDS: Final = 5.0
_PORTS: Final = {"https": 443, "http": 80}
# Prefixes under which an IPv6 address leads to the IPv4 address in its last bits (RFC 6052, RFC 8215, RFC 4291).
_CARRYING: Final = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))


def networks_of(setting: str) -> tuple[Network, ...]:
    """The networks of a setting, separated by spaces.

    Raises:
        NotConfigured: one of them is none.
    """
    try:
        return tuple(ipaddress.ip_network(one) for one in setting.split())
    except ValueError as error:
        raise NotConfigured(
            f"A network that calls may reach is none: {error}.",
            remedy="Write it as an address and a prefix, such as 10.20.0.0/16.",
        ) from None


def checked(url: str) -> SplitResult:
    """The parts of an address that could be called, whatever its host turns out to be.

    Raises:
        Invalid: it is none of HTTP, holds a password, or is not written plainly.
    """
    parts = None
    if url.isascii() and url.isprintable() and " " not in url and "\\" not in url:
        with suppress(ValueError):
            read = urlsplit(url)
            parts = read if read.port is None or read.port > 0 else None  # what is no port raises
    if parts is None or parts.scheme not in _PORTS or not parts.hostname:
        raise Invalid(
            "This is no address that can be called.",
            remedy="Give it as https://host/path, a host with accents in its xn-- form.",
        )
    if "@" in parts.netloc or parts.fragment:
        raise Invalid(
            "An address that is called holds no password and no fragment.",
            remedy="Leave out what stands before the @ or after the #.",
        )
    return parts


@dataclass(frozen=True, slots=True)
class Outbound:
    """Makes such calls; ``allowed`` are networks of one's own that they may reach, over plain HTTP too."""

    allowed: tuple[Network, ...] = ()

    def open(self, budget: Budget) -> HttpClient:
        """A client to call with; close it. It keeps no connection: one that is open to an address vouches for one name."""
        return HttpClient(budget, keep_alive=False)

    def post(self, client: HttpClient, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a body.

        Raises:
            Invalid: the address is none that may be called.
            Transient: it cannot be resolved or reached, or fails.
        """
        parts = checked(url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        address = self._address(host, port, plain=parts.scheme == "http")
        literal = f"[{address}]" if address.version == 6 else str(address)
        query = f"?{parts.query}" if parts.query else ""
        pinned = f"{parts.scheme}://{literal}:{port}{parts.path or '/'}{query}"
        return client.request(
            "POST", pinned, headers={**headers, "Host": parts.netloc}, body=body, tls_name=host
        )

    def _address(self, host: str, port: int, *, plain: bool) -> Address:
        found = _resolved(host, port)
        ours = [any(one in network for network in self.allowed) for one in found]
        if not all(mine or _public(one) for one, mine in zip(found, ours, strict=True)):
            raise Invalid(
                "The host has an address that is not public, so nothing is sent to it.",
                remedy="Use a public host, or have its network allowed in DROVI_OUTBOUND_NETWORKS.",
            )
        if plain and not all(ours):
            raise Invalid("Nothing is sent over plain HTTP.", remedy="Use https.")
        return found[0]


def _resolved(host: str, port: int) -> list[Address]:
    """Every address of a host, as the connection would find them: numbers in any notation included."""
    answers: Queue[Any] = Queue()

    def look_up() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            answers.put([])

    # On a thread of its own: the system's resolver knows no deadline of ours.
    Thread(target=look_up, daemon=True).start()
    try:
        found = [
            ipaddress.ip_address(str(one[4][0]).partition("%")[0])
            for one in answers.get(timeout=RESOLVE_SECONDS)
        ]
    except Empty:
        found = []
    if not found:
        raise ProviderDown("The host's name cannot be resolved.")
    return found


def _public(address: Address) -> bool:
    """Whether it is one of the open internet: neither private, local, shared, reserved nor for many at once."""
    if isinstance(address, IPv6Address):
        carried = _carried(address)
        if carried is not None:
            return _public(carried)
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that it leads to, where it is a way to one."""
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.teredo:
        return address.teredo[1]
    if any(address in network for network in _CARRYING):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
