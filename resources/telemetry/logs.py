"""One line an event, JSON for machines or coloured for a person, on standard error.

Our own code logs through :func:`get_logger`; what libraries log through ``logging`` takes the same way, so that
it is redacted too. Request and run ids come from context variables, bound once at the edge
(``with bound_contextvars(request_id=…)``) and carried to every line within.
"""

from __future__ import annotations

import logging
import sys
from typing import IO, TYPE_CHECKING, Any, Literal, TextIO, cast

import structlog

from resources.telemetry.redaction import redact_event

if TYPE_CHECKING:
    from structlog.typing import Processor

# Chatty at INFO, with addresses in their lines.
_QUIET = (
    "httpx",
    "httpcore",
    "httpx2",
    "httpcore2",
    "botocore",
    "boto3",
    "urllib3",
    "alembic",
)


def configure_logging(
    *,
    level: str = "INFO",
    log_format: Literal["json", "console"] = "json",
    service: str = "",
    stream: IO[str] | None = None,
) -> None:
    """Set the process's logging up; safe to call again.

    Args:
        level: the least severe that is written.
        log_format: ``json`` or ``console``.
        service: which process of the platform this is, put on every line.
        stream: where to write; standard error by default, so that ``--json`` output stays clean.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
    ]
    if service:
        shared.insert(0, _service_adder(service))
    target = stream or sys.stderr
    renderer: Processor = (
        structlog.processors.JSONRenderer(default=str)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=target.isatty())
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact_event, renderer],
    )
    _take_over_libraries(target, formatter, level)
    # Straight to the stream: by way of ``logging`` every line is built twice, which costs a request a twentieth.
    structlog.configure(
        processors=[*shared, redact_event, renderer],
        logger_factory=lambda name="": _StreamLogger(name, target),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )


def _take_over_libraries(target: IO[str], formatter: logging.Formatter, level: str) -> None:
    """What libraries log goes the same way, through the same redaction."""
    handler = logging.StreamHandler(target)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)  # it brings handlers of its own, which would not redact
        library.handlers = []
        library.propagate = name != "uvicorn.access"  # our own middleware logs requests


class _StreamLogger(structlog.WriteLogger):
    """Writes to a stream and knows its name, which ``add_logger_name`` asks for."""

    def __init__(self, name: str, stream: IO[str]) -> None:
        super().__init__(cast("TextIO", stream))
        self.name = name


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; the event is a short constant, what varies goes into fields: ``log.info("item stored", count=3)``."""
    return cast("structlog.stdlib.BoundLogger", structlog.get_logger(name))


def _service_adder(service: str) -> Processor:
    def add(logger: Any, method: str, event: Any) -> Any:
        del logger, method
        event.setdefault("service", service)
        return event

    return add
