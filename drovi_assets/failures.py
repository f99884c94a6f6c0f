"""What Dagster does with an error: only ``Transient`` is retried, and a permanent error provably stops the retries.

Dagster can retry in three places, and only one is used for each thing: an op's ``RetryPolicy`` repeats what may
come through (``RETRY``); what is permanent leaves here as ``Failure(allow_retries=False)``; a run whose worker
died is asked for again by its job row (``sensors.run_status``), so Dagster's own run retries are off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from resources.errors import DroviError, Transient

ATTEMPTS = 4
RETRY = dg.RetryPolicy(
    max_retries=ATTEMPTS - 1, delay=2, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)
"""Waits of about 2, 4 and 8 seconds."""


@contextmanager
def classified() -> Iterator[None]:
    """Let what may come through be retried, after the provider's own delay where it named one; stop the rest.

    A worker that is told to end does so wherever it is. Where its way out met an error as well (it was
    in the middle of a statement, whose connection is lost), that is no reason to try again here.

    Raises:
        dagster.RetryRequested: the error is transient and says when to come back.
        dagster.Failure: the error is permanent, or unforeseen and so a defect; no retry follows.
    """
    try:
        with _ending():
            yield
    except Transient as error:
        if error.retry_after is None:
            raise
        raise dg.RetryRequested(max_retries=ATTEMPTS - 1, seconds_to_wait=error.retry_after) from error
    except (dg.Failure, dg.RetryRequested):
        raise
    except DroviError as error:
        metadata = {"code": error.code, "kind": type(error).__name__, "remedy": error.remedy}
        raise dg.Failure(error.message, metadata=metadata, allow_retries=False) from error
    except Exception as error:
        raise dg.Failure(
            f"{type(error).__name__}: a defect of Drovi's.", metadata={"kind": "Defect"}, allow_retries=False
        ) from error


@contextmanager
def _ending() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if (end := _end_behind(error)) is not None:
            raise end from None
        raise


def _end_behind(error: BaseException | None) -> BaseException | None:
    """What ends a process, among what led to an error: Dagster's interruption, which is no ``Exception``."""
    if error is None or not isinstance(error, Exception):
        return error
    return _end_behind(error.__cause__) or _end_behind(error.__context__)
