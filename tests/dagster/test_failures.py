"""What may come through is retried; what cannot is stopped."""

from __future__ import annotations

import dagster as dg
import pytest

from drovi.definitions import build_defs
from drovi_assets.failures import classified
from resources.errors import CursorRejected, Forbidden, InvariantBroken, NotConfigured, RateLimited, TimedOut


@pytest.mark.parametrize(
    "error",
    [
        Forbidden("No."),
        NotConfigured("No password.", remedy="Enter it."),
        CursorRejected("Gone."),
        InvariantBroken("Two leases."),
        ValueError("a library's own"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_permanent_error_is_tried_once(error: Exception) -> None:
    """Refused, a person's to mend, or a defect: the retries stop there."""
    assert run_counting(error) == 1


def test_a_transient_error_is_tried_again() -> None:
    """Three times more, and each wait is about twice the one before."""
    assert run_counting(TimedOut("Slow.", retry_after=0)) == 4
    for attempt in range(3):
        with pytest.raises(dg.RetryRequested) as raised, classified(attempt):
            raise TimedOut("Slow.")
        assert 2**attempt <= raised.value.seconds_to_wait <= 3 * 2**attempt


def test_the_providers_own_delay_is_honoured() -> None:
    """Its Retry-After becomes the wait of the next attempt."""
    with pytest.raises(dg.RetryRequested) as raised, classified():
        raise RateLimited("Too many.", retry_after=7)
    assert raised.value.seconds_to_wait == 7


@pytest.mark.parametrize(
    "error", [TimedOut("Lost."), ValueError("a library's own")], ids=["transient", "defect"]
)
def test_who_is_told_to_end_ends(error: Exception) -> None:
    """Also where the interruption met a statement, and its cleaning up failed: neither retried nor a defect."""

    class Interrupted(BaseException):
        """As Dagster raises it at SIGTERM, wherever the worker is."""

    def cleans_up_in_vain() -> None:
        try:
            try:
                raise Interrupted
            finally:
                raise OSError("the connection is lost")
        except OSError as lost:
            raise error from lost

    with pytest.raises(Interrupted), classified():
        cleans_up_in_vain()


def test_no_step_is_repeated_by_a_policy() -> None:
    """Under a retry policy Dagster repeats what SIGTERM told to end, so that a deploy could not stop it."""
    repository = build_defs().get_repository_def()
    for job in repository.get_all_jobs():
        assert [node.name for node in job.all_node_defs if getattr(node, "retry_policy", None)] == []


def test_an_error_that_says_what_to_do_is_shown_with_it() -> None:
    """The remedy reaches the run's page."""
    with pytest.raises(dg.Failure) as raised, classified():
        raise NotConfigured("No password.", remedy="Enter it.")
    assert raised.value.metadata["remedy"].value == "Enter it."
    assert raised.value.allow_retries is False


def run_counting(error: Exception) -> int:
    """How often Dagster tries an op that fails so."""
    tried = []

    @dg.op
    def fails(context) -> None:  # not annotated: Dagster does not read postponed annotations
        tried.append(context.retry_number)
        with classified(context.retry_number):
            raise error

    @dg.job
    def only() -> None:
        fails()

    assert not only.execute_in_process(raise_on_error=False).success
    return len(tried)
