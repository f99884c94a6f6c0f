"""Every chore there is, by the kind of job that asks for it."""

from __future__ import annotations

from collections.abc import Mapping

from drovi_assets.chores.contract import Chore

CHORES: Mapping[str, Chore] = {}
