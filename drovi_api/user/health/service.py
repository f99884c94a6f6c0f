"""Asking every dependency at once, none of them longer than its time-out, and not for every caller anew."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version

from drovi_api.runtime import Probe
from drovi_api.user.health.schemas import Check, Health
from resources.errors import DroviError
from resources.telemetry import get_logger

TIMEOUT_SECONDS = 2.0
FRESH_SECONDS = 1.0
"""Anyone may ask, so an answer serves all who ask within this time."""

_log = get_logger(__name__)
_VERSION = version("drovi")


class HealthMonitor:
    """Runs the probes on threads of its own: a full worker pool must not make the service look dead."""

    def __init__(self, probes: tuple[Probe, ...], timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._probes = probes
        self._timeout = timeout_seconds
        self._executor = ThreadPoolExecutor(max(1, len(probes)), thread_name_prefix="health")
        self._running: dict[str, Future[Check]] = {}
        self._fresh: tuple[float, Health] | None = None
        self._asking: asyncio.Lock | None = None

    async def report(self) -> Health:
        """The state of every dependency, at most ``FRESH_SECONDS`` old."""
        self._asking = self._asking or asyncio.Lock()  # made here: it belongs to the loop that serves
        async with self._asking:
            if self._fresh is None or time.monotonic() - self._fresh[0] > FRESH_SECONDS:
                checks = await asyncio.gather(*map(self._ask, self._probes))
                self._fresh = (
                    time.monotonic(),
                    Health(status=_overall(checks), version=_VERSION, checks=checks),
                )
            return self._fresh[1]

    def close(self) -> None:
        """Leave running probes to end by themselves."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, probe: Probe) -> Check:
        # A probe that hangs keeps its thread; asking again would only hang another.
        running = self._running.get(probe.name)
        if running is None or running.done():
            running = self._running[probe.name] = self._executor.submit(_run, probe)
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(running)), self._timeout)
        except TimeoutError:
            return _check(probe, "down", f"no answer within {self._timeout:g} s", self._timeout)


def _run(probe: Probe) -> Check:
    started = time.perf_counter()
    try:
        detail = probe.check()
    except Exception as error:  # noqa: BLE001 - whatever a dependency does, the report says that it is down
        _log.warning("health probe failed", probe=probe.name, exc_info=error)
        # Anyone may read this: only messages that were written to be shown.
        words = error.message if isinstance(error, DroviError) else type(error).__name__
        return _check(probe, "down", words, time.perf_counter() - started)
    return _check(probe, "up", detail, time.perf_counter() - started)


def _check(probe: Probe, status: str, detail: str, seconds: float) -> Check:
    return Check.model_validate(
        {
            "name": probe.name,
            "status": status,
            "required": probe.required,
            "detail": detail,
            "milliseconds": round(seconds * 1000, 1),
        }
    )


def _overall(checks: list[Check]) -> str:
    down = [check for check in checks if check.status == "down"]
    if any(check.required for check in down):
        return "down"
    return "degraded" if down else "ok"
