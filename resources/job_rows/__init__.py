"""Job rows: the public, tenant-safe account of background work. Dagster executes; this is what people see of it.

A row moves from ``queued`` to ``running`` to one of ``succeeded``, ``failed`` and ``cancelled``, and back to ``queued``
when its worker died and attempts are left, or when a person wants it tried again. Asking for work is in ``asking``,
what people do with it afterwards in ``people``, taking it up in turns in ``claiming``, and how it goes in ``running``.
Every function works in the caller's transaction, but for ``note`` and ``kept_alive``, whose word must stand at once.
"""

from resources.job_rows.asking import Backfill, Wanted, ensure, renew
from resources.job_rows.claiming import alive, due, halted, kept_alive, put_back, silent, take, unfinished
from resources.job_rows.people import MATERIALIZE, cancel, replay, retry, to_stop
from resources.job_rows.running import (
    LEASE_SECONDS,
    TICK_SECONDS,
    UNFINISHED,
    call_off,
    fail,
    hand_over,
    heed,
    interrupted,
    keep_step,
    lost,
    note,
    put_off,
    restart,
    see,
    start,
    succeed,
)

__all__ = [
    "LEASE_SECONDS",
    "MATERIALIZE",
    "TICK_SECONDS",
    "UNFINISHED",
    "Backfill",
    "Wanted",
    "alive",
    "call_off",
    "cancel",
    "due",
    "ensure",
    "fail",
    "halted",
    "hand_over",
    "heed",
    "interrupted",
    "keep_step",
    "kept_alive",
    "lost",
    "note",
    "put_back",
    "put_off",
    "renew",
    "replay",
    "restart",
    "retry",
    "see",
    "silent",
    "start",
    "succeed",
    "take",
    "to_stop",
    "unfinished",
]
