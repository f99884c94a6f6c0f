"""What Dagster does with an error: only ``Transient`` is retried, and a permanent error provably stops the retries.

Dagster can retry in three places, and only one is used for each thing: what may come through leaves here as
``RetryRequested``; what is permanent as ``Failure(allow_retries=False)``; a run whose worker ended
is asked for again by its job row (``sensors.run_status``), so Dagster's own run retries are off. No op has a
``RetryPolicy``: under one, Dagster repeats what was told to end (SIGTERM) as well, until it is killed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from resources.errors import DroviError, Transient

ATTEMPTS = 4
_FIRST_WAIT_SECONDS = 2.0


@contextmanager
def classified(attempt: int = 0) -> Iterator[None]:
    """Let what may come through be retried, after the provider's own delay where it named one; stop the rest.

    ``attempt`` is how many there were before: without a word from the provider, the waits are about 2, 4 and 8 seconds.

    A worker that is told to end does so wherever it is. Where its way out met an error as well (it was
    in the middle of a statement, whose connection is lost), that is no reason to try again here.

    Raises:
        dagster.RetryRequested: the error is transient.
        dagster.Failure: the error is permanent, or unforeseen and so a defect; no retry follows.
    """
    try:
        with _ending():
            yield
    except Transient as error:
        wait = error.retry_after
        if wait is None:
            wait = _FIRST_WAIT_SECONDS * 2**attempt * random.uniform(0.5, 1.5)  # noqa: S311 - spreads, hides nothing
        raise dg.RetryRequested(max_retries=ATTEMPTS - 1, seconds_to_wait=wait) from error
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
