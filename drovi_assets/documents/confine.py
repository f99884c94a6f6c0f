"""What a process may do while it reads a hostile file: limits set by the kernel, on itself, for good."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from dataclasses import dataclass

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWNET = 0x40000000
_CLONE_NEWUSER = 0x10000000


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one document may cost.

    ``seconds`` is wall time, enforced by a timer: under load a CPU limit alone fires far too late.
    ``memory`` bounds resident bytes, ``file_size`` what may be written to disk, ``output`` the result.
    """

    seconds: float = 30.0
    memory: int = 512 << 20
    file_size: int = 64 << 20
    open_files: int = 64
    output: int = 256 << 20


def confine(limits: Limits) -> None:
    """Bound this process by ``limits``, from now on.

    The kernel bounds address space, not resident memory, and a preloaded process has far more of the first:
    allowing what is mapped now plus what may still become resident keeps the promise about the second.
    """
    mapped, resident = _memory_in_use()
    _limit(resource.RLIMIT_AS, mapped + max(0, limits.memory - resident))
    _limit(resource.RLIMIT_CPU, int(limits.seconds) + 1)
    _limit(resource.RLIMIT_FSIZE, limits.file_size)
    _limit(resource.RLIMIT_NOFILE, limits.open_files)
    _limit(resource.RLIMIT_CORE, 0)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))  # no further process; the kernel exempts root
    _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (allowed, allowed))


def _memory_in_use() -> tuple[int, int]:
    """Mapped and resident bytes of this process."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 -- read after every fork, pathlib costs more than the read
        mapped, resident = file.read().split()[:2]
    page = resource.getpagesize()
    return int(mapped) * page, int(resident) * page


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when ``parent`` dies.

    Only for a child of a single-threaded parent: the signal is bound to the thread that forked.
    """
    _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the call
        os._exit(1)


def leave_network() -> bool:
    """Move into a network namespace of one's own, with no interface up; False where the kernel refuses."""
    libc = _libc()
    if libc.unshare(_CLONE_NEWNET) == 0:
        return True
    return bool(libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
