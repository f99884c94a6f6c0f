"""Pacing: every call of a turn is taken out of the budgets first, and none is made while a provider's deadline stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from drovi_assets.connectors.committing import Source
from drovi_assets.connectors.contract import Page
from drovi_assets.connectors.registry import ConnectorSpec
from drovi_assets.connectors.runtime import Runtime
from resources import budgets
from resources.telemetry import metrics

LONGEST_WAIT_SECONDS = 15.0
"""A provider that asks for more is left alone until then by the schedule, not by a sleeping worker."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Who calls, how often they may, and how many seconds are left to them."""

    runtime: Runtime
    caller: budgets.Caller
    rates: budgets.Rates
    left: Callable[[], float]

    def await_deadline(self) -> None:
        """Raise ``BudgetSpent`` while a deadline of the provider's stands, whoever asks for the sync."""
        with self.runtime.database.dispatch() as connection:
            wait = budgets.take(connection, self.caller, self.rates, 0)
        if wait:
            raise _spent(wait)

    def pay(self) -> None:
        """Take a call out of the budgets, waiting for it where that is not long.

        Raises:
            BudgetSpent: it would take longer; the sync is put off until then.
        """
        waited = 0.0
        while self.rates:
            with self.runtime.database.dispatch() as connection:
                wait = budgets.take(connection, self.caller, self.rates)
            if not wait:
                return
            metrics.waited(self.caller.provider, wait)
            waited += wait
            if waited > min(LONGEST_WAIT_SECONDS, self.left(), self.runtime.lease_seconds / 2):
                raise _spent(wait)
            self.runtime.sleep(wait)

    def pages(self, pages: Iterator[Page]) -> Iterator[Page]:
        """Each page, paid for before it is fetched. Raises as ``pay``."""
        self.pay()
        for page in pages:
            yield page
            if not page.complete:
                self.pay()


def pace_of(runtime: Runtime, source: Source, spec: ConnectorSpec, left: Callable[[], float]) -> Pace:
    """As the connector says, or in place of that, for the provider as a whole, as the settings do."""
    given = runtime.rates.get(spec.name)
    rates = spec.rates if given is None else replace(spec.rates, provider=given)
    return Pace(runtime, caller_of(source), rates, left)


def caller_of(source: Source) -> budgets.Caller:
    """On whose account a source is read."""
    return budgets.Caller(source.connector, source.org_id, source.connection_id)


def _spent(wait: float) -> budgets.BudgetSpent:
    return budgets.BudgetSpent(
        "The provider is called as often as it may be.",
        remedy="Nothing: the sync goes on by itself.",
        retry_after=wait,
    )
