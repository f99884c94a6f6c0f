"""Every chore there is, by the kind of job that asks for it."""

from __future__ import annotations

from collections.abc import Mapping

from drovi_assets.chores.candidates import read_again
from drovi_assets.chores.contract import Chore
from drovi_assets.chores.decay import decay
from drovi_assets.chores.exports import expire_export, make_export
from drovi_assets.chores.holds import remove_held
from drovi_assets.chores.organisations import erase_organisation
from drovi_assets.chores.people import erase_person
from drovi_assets.chores.report import send_daily, send_weekly
from drovi_assets.chores.retention import retain
from drovi_assets.chores.sources import erase_source
from drovi_assets.chores.subscriptions import renew_subscriptions

CHORES: Mapping[str, Chore] = {
    "candidates": read_again,
    "decay": decay,
    "erase_organisation": erase_organisation,
    "erase_person": erase_person,
    "erase_source": erase_source,
    "expire_export": expire_export,
    "export": make_export,
    "remove_held": remove_held,
    "renew_subscriptions": renew_subscriptions,
    "report_daily": send_daily,
    "report_weekly": send_weekly,
    "retention": retain,
}
