"""Signatures by Standard Webhooks, held against what the published library makes of the same messages."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from resources.errors import Unauthenticated
from resources.webhooks import TOLERANCE_SECONDS, headers_of, new_secret, verified
from tests.conftest import REPOSITORY

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = 1614265330
VECTORS = [
    # By standardwebhooks 1.1.0, Webhook(KEY).sign(...).
    (
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        '{"test": 2432232314}',
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    ("msg_1", "", "v1,/n9JD+QvCBymh/dplZctdnJL3Jc/7vU4siQ5cz50QYY="),
    ("evt-2", '{"title":"Procès-verbal — 1 000 €"}', "v1,wQ4ymcyofkpKOtLndfOq4rzHAq2LALIPb+Qxxo4I4Ic="),
]


@pytest.mark.parametrize(("message_id", "body", "signature"), VECTORS)
def test_a_message_is_signed_as_the_library_signs_it(message_id: str, body: str, signature: str) -> None:
    headers = headers_of([KEY], message_id, NOW, body.encode())
    assert headers == {
        "webhook-id": message_id,
        "webhook-timestamp": str(NOW),
        "webhook-signature": signature,
    }
    assert verified([KEY], headers, body.encode(), NOW).id == message_id


@pytest.mark.parametrize(
    ("seconds", "good"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)]
)
def test_a_time_holds_for_five_minutes_either_way(seconds: int, good: bool) -> None:
    assert TOLERANCE_SECONDS == 300
    headers = headers_of([KEY], "msg_1", NOW, b"{}")
    if good:
        assert verified([KEY], headers, b"{}", NOW + seconds).timestamp == NOW
    else:
        with pytest.raises(Unauthenticated):
            verified([KEY], headers, b"{}", NOW + seconds)


def test_any_of_several_keys_and_signatures_is_enough() -> None:
    """Both sides change over in their own time."""
    old, new = new_secret(), new_secret()
    assert verified([new, old], headers_of([old], "msg_1", NOW, b"{}"), b"{}", NOW).id == "msg_1"
    assert verified([old], headers_of([new, old], "msg_1", NOW, b"{}"), b"{}", NOW).id == "msg_1"
    with pytest.raises(Unauthenticated):
        verified([new], headers_of([old], "msg_1", NOW, b"{}"), b"{}", NOW)


@pytest.mark.parametrize("stamp", ["", " 1614265330", "1614265330.5", "-1", "1e9", "٣", "9" * 400, "nan"])
def test_a_time_is_digits_alone(stamp: str) -> None:
    """And is signed as it was sent: what is parsed and what is signed cannot come apart."""
    headers = headers_of([KEY], "msg_1", NOW, b"{}") | {"webhook-timestamp": stamp}
    with pytest.raises(Unauthenticated):
        verified([KEY], headers, b"{}", NOW)


def test_a_secret_is_made_anew_each_time() -> None:
    assert new_secret() != new_secret()
    assert new_secret().startswith("whsec_")


def test_the_receiver_of_the_guide_knows_our_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands there: ours, under the old secret and the new one, and nobody else's."""
    guide = (REPOSITORY / "docs" / "guides" / "webhooks.md").read_text(encoding="utf-8")
    script = guide[guide.index("    import base64") : guide.index("`POST /api/v1/webhooks/{id}/secret`")]
    there: dict[str, Any] = {}
    exec(textwrap.dedent(script), there)
    monkeypatch.setattr("time.time", lambda: NOW)
    body, newer = b'{"type":"ping"}', new_secret()
    headers = headers_of([newer, KEY], "msg_1", NOW, body)
    assert there["is_from_drovi"](KEY, headers, body)
    assert there["is_from_drovi"](newer, headers, body)
    assert not there["is_from_drovi"](new_secret(), headers, body)
    assert not there["is_from_drovi"](KEY, headers, body + b" ")
    assert not there["is_from_drovi"](KEY, headers_of([KEY], "msg_1", NOW - 301, body), body)
