"""What the system's own resolver makes of an address, and whether the call goes there."""

from __future__ import annotations

import pytest

from resources.errors import Invalid
from resources.http import Budget
from resources.outbound import Outbound, networks_of
from tests.fakes.receiver import receiving


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://2130706433",
            "https://0x7f.1",
            "https://0177.0.0.1",
            "https://127.1",
            "https://[::1]",
        ),
        *("https://localhost", "https://[::ffff:7f00:1]", "https://0"),
    ],
)
def test_every_notation_of_an_address_is_seen_through(url: str) -> None:
    """By the system's own resolver, which is who would dial it."""
    outbound = Outbound()
    client = outbound.open(Budget(attempts=1))
    with receiving() as receiver:
        with pytest.raises(Invalid, match="not public"):
            outbound.post(client, f"{url}:{receiver.port}/", {}, b"{}")
        assert receiver.messages == []
    client.close()


def test_an_allowed_host_is_sent_the_body_under_its_name() -> None:
    outbound = Outbound(networks_of("127.0.0.0/8 ::1"))
    client = outbound.open(Budget(attempts=1))
    with receiving() as receiver:
        answer = outbound.post(client, f"http://127.0.0.1:{receiver.port}/in?a=1", {"x-one": "1"}, b"{}")
        ((path, headers, body),) = receiver.messages
    client.close()
    assert (answer.status, path, body) == (200, "/in?a=1", b"{}")
    assert (headers["host"], headers["x-one"]) == (f"127.0.0.1:{receiver.port}", "1")
