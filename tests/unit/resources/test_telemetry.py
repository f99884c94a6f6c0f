"""Logs carry ids and no secrets; metrics carry names of the code and nothing of a tenant's."""

from __future__ import annotations

import io
import json
import logging
import secrets
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.telemetry import Metrics, bound_contextvars, configure_logging, get_logger
from resources.telemetry.redaction import redact, redact_text

KEY = "drovi_" + secrets.token_urlsafe(32)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLW9mLWl0"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow" + "A" * 40 + "\n-----END RSA PRIVATE KEY-----"
SECRET = "Xk9-plantedvalue"

PLANTED = {
    "an authorization header": (f"Authorization: Bearer {SECRET}", SECRET),
    "basic credentials": (f"sent Basic {SECRET}", SECRET),
    "an api key of ours": (f"refused key {KEY}.", KEY),
    "a password in an address": (f"connect to postgresql://drovi_app:{SECRET}@db:5432/drovi failed", SECRET),
    "a password in a connection string": (f"host=db password={SECRET} dbname=drovi", SECRET),
    "a private key": (f"loaded {PEM} from disk", "MIIEow"),
    "a cut private key": (PEM[:60], "MIIEow"),
    "a web token": (f"cookie session={JWT}", JWT),
    "a query string": (f"GET /callback?code=1&access_token={SECRET}&state=2", SECRET),
    "a link of a mail": (f"sent https://drovi.example/verify?next=%2F&token={SECRET}>", SECRET),
    "a link in HTML": (f'<a href="https://drovi.example/x?a=1&amp;token={SECRET}">', SECRET),
    "a link inside a link": (f"https://gateway.example/?url=https%3A%2F%2Fx%3Ftoken%3D{SECRET}", SECRET),
    "a printed dictionary": (f"{{'client_secret': '{SECRET}', 'id': 4}}", SECRET),
    "a json text": (f'{{"refresh_token": "{SECRET}"}}', SECRET),
    "an aws key": ("using AKIAIOSFODNN7EXAMPLE now", "AKIAIOSFODNN7EXAMPLE"),
    "a row quoted by the database": (
        f"duplicate key\nDETAIL:  Key (mail)=({SECRET}) already exists.",
        SECRET,
    ),
    "parameters quoted by the driver": (f"[SQL: INSERT]\n[parameters: {{'body': '{SECRET}'}}]", SECRET),
}


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Logs of this test alone, and the process's own logging put back after it."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging(stream=stream, service="api")
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


class TestLogs:
    def test_a_line_says_when_what_and_for_whom(self, stream: io.StringIO) -> None:
        with bound_contextvars(request_id="r-1", run_id="d-2"):
            get_logger("drovi.ingest").info("page stored", count=3)
        (line,) = lines(stream)
        assert str(line.pop("timestamp")).endswith("Z")
        assert line == {
            "event": "page stored",
            "count": 3,
            "level": "info",
            "logger": "drovi.ingest",
            "request_id": "r-1",
            "run_id": "d-2",
            "service": "api",
        }

    def test_ids_end_with_their_request(self, stream: io.StringIO) -> None:
        with bound_contextvars(request_id="r-1"):
            pass
        get_logger("x").info("later")
        assert "request_id" not in lines(stream)[0]

    def test_a_librarys_line_takes_the_same_way(self, stream: io.StringIO) -> None:
        with bound_contextvars(request_id="r-1"):
            logging.getLogger("somelib").warning("retrying with Bearer %s", SECRET)
        assert lines(stream)[0]["request_id"] == "r-1"
        assert SECRET not in stream.getvalue()

    def test_what_is_below_the_level_is_not_written(self, stream: io.StringIO) -> None:
        get_logger("x").debug("detail")
        assert stream.getvalue() == ""

    def test_a_console_line_is_redacted_too(self, stream: io.StringIO) -> None:
        configure_logging(stream=stream, log_format="console")
        get_logger("x").info("hello", password=SECRET, url=f"https://u:{SECRET}@host/")
        assert "hello" in stream.getvalue()
        assert SECRET not in stream.getvalue()


class TestSecrets:
    @pytest.mark.parametrize("case", PLANTED)
    @pytest.mark.parametrize("place", ["event", "field", "nested", "exception", "library", "key"])
    def test_a_planted_secret_is_nowhere_in_the_log(self, stream: io.StringIO, case: str, place: str) -> None:
        """Wherever it hides: the message, a field, a list, a traceback, another library's line, a mapping's key."""
        text, secret = PLANTED[case]
        log = get_logger("x")
        if place == "event":
            log.info(text)
        elif place == "field":
            log.info("e", detail=text)
        elif place == "nested":
            log.info("e", detail=[{"inner": (text,)}])
        elif place == "key":
            log.info("e", detail={text: 1})
        elif place == "library":
            logging.getLogger("somelib").error("%s", text)
        else:
            try:
                raise ValueError(text)  # noqa: TRY301 - the traceback is what is looked at
            except ValueError:
                log.exception("failed")
        assert len(lines(stream)) == 1
        assert secret not in stream.getvalue().replace("\\n", "\n")

    @pytest.mark.parametrize(
        "name",
        [
            "password",
            "db_password",
            "apiKey",
            "api_key",
            "authorization",
            "Set-Cookie",
            "client_secret",
            "refresh_token",
        ],
    )
    def test_a_field_named_after_a_secret_is_removed_whatever_it_holds(self, name: str) -> None:
        for value in ("hunter2", b"hunter2", ["hunter2"], {"a": "hunter2"}):
            assert "hunter2" not in repr(redact(value, name))
            assert "hunter2" not in repr(redact({name: value}))

    @settings(deadline=None)
    @given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), min_size=12))
    def test_any_password_in_an_address_is_removed(self, password: str) -> None:
        assert password not in redact_text(f"postgresql+psycopg://owner:{password}@127.0.0.1:5432/x")

    def test_what_is_no_secret_is_kept(self) -> None:
        event = {
            "tokens": 512,
            "path": "/api/v1/items/7",
            "role": "drovi_app",
            "url": "https://example.org/a?page=2",
            "note": "no bearer of news",
            "ratio": 0.5,
            "ok": True,
            "nothing": None,
        }
        assert redact(event) == event


class TestContent:
    @pytest.mark.parametrize("name", ["text", "quote", "body", "subject", "question", "snippet"])
    def test_what_a_tenant_wrote_leaves_only_its_length(self, name: str) -> None:
        assert redact({name: "We owe 4,000 euros."}) == {name: "[content, 19 long]"}

    def test_a_line_holds_no_text_of_a_field_that_is_named_after_content_or_a_secret(
        self, stream: io.StringIO
    ) -> None:
        get_logger("drovi_api.access").info("e", Question="We owe 4,000 euros.", session_token=SECRET)
        (line,) = lines(stream)
        assert (line["Question"], line["session_token"]) == ("[content, 19 long]", "[redacted]")
        assert line["logger"] == "drovi_api.access"

    def test_bytes_leave_only_their_length(self) -> None:
        assert redact({"payload": b"a letter"}) == {"payload": "[8 bytes]"}


class TestMetrics:
    def test_each_family_is_served(self) -> None:
        metrics = Metrics()
        metrics.request("GET", "/items/{item_id}", 200, 0.012)
        metrics.request("GET", "", 404, 0.001)
        metrics.items("documents", "new", 3)
        metrics.parsed("pdf", 0.2)
        metrics.parsed("docx", 60.0, refused=True)
        metrics.searched("hybrid", 0.03)
        metrics.jobs({"queued": 2})
        text = metrics.text()
        for sample in (
            'drovi_http_request_seconds_count{method="GET",route="/items/{item_id}",status="200"} 1.0',
            'drovi_http_request_seconds_count{method="GET",route="unmatched",status="404"} 1.0',
            'drovi_ingest_items_total{connector="documents",outcome="new"} 3.0',
            'drovi_parse_seconds_count{format="docx",outcome="refused"} 1.0',
            'drovi_search_seconds_bucket{le="0.035",mode="hybrid"} 1.0',
            'drovi_jobs{status="queued"} 2.0',
        ):
            assert sample in text

    def test_a_status_without_jobs_disappears(self) -> None:
        metrics = Metrics()
        metrics.jobs({"queued": 2, "failed": 1})
        metrics.jobs({"queued": 1})
        assert "failed" not in metrics.text()
