"""The embedded server on real processes: who starts it, who shares it, and what survives which kill."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from resources.embedded_postgres import EmbeddedPostgres, binaries, connect_or_start, guardian
from resources.errors import Conflict, NotConfigured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 30.0
NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change to another user")
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# A process that holds the server of the home given to it until its standard input ends.
HOLDER = """
import os, sys, time
from pathlib import Path
from resources.embedded_postgres import connect_or_start
server = connect_or_start(Path(sys.argv[1]))
child = os.fork() if "fork" in sys.argv else -1
if child == 0:
    time.sleep(120)
    os._exit(0)
print(server.port, child, flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cluster for the module; under root, in a folder that only root may enter."""
    home = tmp_path_factory.mktemp("closed") / "home"
    with connect_or_start(home) as server, psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE kept (id int PRIMARY KEY)")
    return home


@pytest.fixture
def server(home: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(home) as server:
        yield server


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def postmaster(home: Path) -> int:
    """Pid of the running server, once it has written it."""
    pid_file = home / "postgres" / "data" / "postmaster.pid"
    wait_until(lambda: pid_file.exists() and pid_file.read_text().strip() != "")
    return int(pid_file.read_text().splitlines()[0])


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@contextlib.contextmanager
def holder(home: Path, *options: str, **arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another Drovi process that uses the server."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home), *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **arguments,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def first_line(process: subprocess.Popen[str]) -> list[int]:
    assert process.stdout is not None
    return [int(word) for word in process.stdout.readline().split()]


def kept(server: EmbeddedPostgres) -> set[int]:
    with psycopg.connect(server.url()) as connection:
        return {row[0] for row in connection.execute("SELECT id FROM kept")}


def nobodys_python() -> str:
    """An interpreter for the guardian that any user can run."""
    needed = [guardian.__file__, str(binaries.find_installation() / "bin" / "postgres")]
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        readable = " && ".join(f'test -r "{path}"' for path in needed)
        command = ["/bin/sh", "-c", f"{readable} && {python} -c ''"]
        if (
            subprocess.run(
                command, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", check=False
            ).returncode
            == 0
        ):
            return python
    return pytest.skip("the repository or every interpreter lies where only root can go")


class TestWhatItProvides:
    def test_the_roles_have_the_rights_of_production_and_no_more(self, server: EmbeddedPostgres) -> None:
        """No role of the platform is a superuser or bypasses row-level security, the owner included."""
        for role, name in (("owner", "drovi_owner"), ("app", "drovi_app"), ("worker", "drovi_worker")):
            with psycopg.connect(server.url("drovi", role)) as connection:
                row = connection.execute(
                    "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
                ).fetchone()
            assert row == (name, False, False)

    def test_the_owner_administers_the_other_roles(self, server: EmbeddedPostgres) -> None:
        with psycopg.connect(server.url()) as connection:
            connection.execute("CREATE ROLE passing NOLOGIN")
            connection.execute("GRANT drovi_app TO passing")
            connection.rollback()

    def test_vectors_can_be_stored_without_a_superuser(self, server: EmbeddedPostgres) -> None:
        """Also in a database that the owner makes, as tests do."""
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE another")
        with psycopg.connect(server.url("another")) as connection:
            assert connection.execute("SELECT '[1,2]'::halfvec(2)::text").fetchone() == ("[1,2]",)
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("DROP DATABASE another")

    def test_dagster_has_its_own_database(self, server: EmbeddedPostgres) -> None:
        with psycopg.connect(server.urls().dagster) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == ("dagster",)

    def test_it_listens_on_loopback_and_wants_the_password(self, server: EmbeddedPostgres) -> None:
        """No socket file, no trust: another user of the machine cannot get in."""
        with psycopg.connect(server.url(role="superuser")) as connection:
            shown = connection.execute(
                "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories'),"
                " (SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules), current_setting('fsync')"
            ).fetchone()
        assert shown == ("127.0.0.1", "", ["scram-sha-256"], "on")
        wrong = server.url().replace("drovi_owner:", "drovi_owner:x")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)

    def test_no_password_is_seen_in_the_process_list_or_the_log(
        self, home: Path, server: EmbeddedPostgres
    ) -> None:
        pid = postmaster(home)
        seen = [Path(f"/proc/{each}/cmdline").read_text() for each in (pid, parent_of(pid))]
        seen.append(server.log.read_text())
        for role in ("superuser", "owner", "app", "worker"):
            password = psycopg.conninfo.conninfo_to_dict(server.url(role=role))["password"]
            assert not any(str(password) in text for text in seen)

    def test_the_port_is_remembered(self, home: Path) -> None:
        with EmbeddedPostgres(home) as first:
            before = first.port
        with EmbeddedPostgres(home) as second:
            assert second.port == before


class TestWhoseItIs:
    @needs_root
    @needs_proc
    def test_root_does_not_run_it_as_root(self, home: Path, server: EmbeddedPostgres) -> None:
        """Server and guardian have given every privilege up, though the folder lies where only root may go."""
        assert home.parent.stat().st_mode & 0o077 == 0
        pid = postmaster(home)
        for each in (pid, parent_of(pid)):
            status = Path(f"/proc/{each}/status").read_text()
            fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            assert "0" not in fields["Uid"].split() + fields["Gid"].split()
            assert fields["Groups"].strip() == ""
            assert int(fields["CapPrm"], 16) == 0
        assert kept(server) is not None

    @needs_root
    def test_a_person_runs_it_as_themselves(self) -> None:
        """Without root nothing changes user, and the folder is theirs."""
        python = nobodys_python()
        folder = Path("/var/tmp") / f"drovi-test-{os.getpid()}"
        folder.mkdir(mode=0o700)
        os.chown(folder, NOBODY, NOBODY)
        child = os.fork()  # not executed: our own packages may lie where only root can go
        if child == 0:
            status = 1
            with contextlib.suppress(BaseException):
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                sys.executable = python
                server = EmbeddedPostgres(folder / "home").start()
                owner = (folder / "home" / "postgres" / "data").stat().st_uid
                server.stop()
                status = 0 if owner == NOBODY else 2
            os._exit(status)
        try:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        finally:
            shutil.rmtree(folder)

    @needs_root
    def test_an_installation_only_root_can_enter_is_copied(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A virtual environment under /root works, and its folder stays closed."""
        installation = binaries.find_installation()
        package = tmp_path / installation.parent.name
        shutil.copytree(installation, package / installation.name, symlinks=True)
        shutil.copytree(installation.parent.with_suffix(".libs"), package.with_suffix(".libs"))
        cache = Path("/var/tmp") / f"drovi-cache-{os.getpid()}"
        monkeypatch.setattr(binaries, "find_installation", lambda: package / installation.name)
        monkeypatch.setattr(binaries, "_CACHE", cache)
        try:
            with EmbeddedPostgres(tmp_path / "home") as server, psycopg.connect(server.url()) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
            assert tmp_path.stat().st_mode & 0o077 == 0
        finally:
            shutil.rmtree(cache)


class TestSharing:
    def test_never_two_on_one_folder(self, home: Path, server: EmbeddedPostgres) -> None:
        """A second start is refused and does the first no harm."""
        with pytest.raises(Conflict, match="already runs"):
            EmbeddedPostgres(home).start()
        assert kept(server) is not None

    @needs_proc
    def test_it_lives_as_long_as_somebody_uses_it(self, home: Path) -> None:
        """The one who started it may leave first; the last one turns the light off."""
        with holder(home) as process:
            first_line(process)
            pid = postmaster(home)
            second = connect_or_start(home)
            process.communicate("", timeout=PATIENCE_SECONDS)
            assert process.returncode == 0
            assert kept(second) is not None
            assert postmaster(home) == pid
            second.stop()
            assert not alive(pid)

    @needs_proc
    def test_several_at_once_get_one_server(self, home: Path) -> None:
        with contextlib.ExitStack() as stack:
            processes = [stack.enter_context(holder(home)) for _ in range(4)]
            ports = {first_line(process)[0] for process in processes}
            pid = postmaster(home)
            assert len(ports) == 1
            for process in processes:
                process.communicate("", timeout=PATIENCE_SECONDS)
            assert [process.returncode for process in processes] == [0] * 4
        wait_until(lambda: not alive(pid))

    def test_one_that_arrives_while_it_stops_gets_a_new_one(self, home: Path) -> None:
        """Stopped and wanted again at once, many times: no start is lost in between."""
        for _ in range(5):
            with holder(home) as process:
                first_line(process)
                process.kill()
                with connect_or_start(home) as server:
                    assert kept(server) is not None


@needs_proc
class TestKills:
    def test_it_does_not_outlive_its_parent(self, home: Path) -> None:
        """Kill -9 of the only user ends server and guardian, even while a child it forked lives on."""
        with holder(home, "fork") as process:
            child = first_line(process)[1]
            pid = postmaster(home)
            guardian = parent_of(pid)
            process.kill()
            wait_until(lambda: not alive(pid) and not alive(guardian))
            assert alive(child)
            os.kill(child, signal.SIGKILL)

    def test_a_killed_server_comes_back_with_every_committed_row(
        self, home: Path, server: EmbeddedPostgres
    ) -> None:
        """Committed rows are there, the open transaction's are not; the port stays the same."""
        with psycopg.connect(server.url()) as connection:
            connection.execute("INSERT INTO kept VALUES (1)")
        with contextlib.closing(psycopg.connect(server.url())) as doomed:
            doomed.execute("INSERT INTO kept VALUES (2)")
            port, pid = server.port, postmaster(home)
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not alive(pid) and postmaster(home) != pid)
            server.ensure()
            assert server.port == port
            assert kept(server) == {1}

    def test_a_hanging_backend_of_a_killed_server_does_not_block_the_next(
        self, home: Path, server: EmbeddedPostgres
    ) -> None:
        """It keeps the shared memory, so no second server starts beside it; then it is ended."""
        with contextlib.closing(psycopg.connect(server.url())) as doomed:
            backend, pid = doomed.info.backend_pid, postmaster(home)
            size = server.log.stat().st_size
            os.kill(backend, signal.SIGSTOP)
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: b"still in use" in server.log.read_bytes()[size:])
            server.ensure()
            assert not alive(backend)
            assert kept(server) is not None

    def test_a_killed_guardian_takes_the_server_along_and_is_replaced(
        self, home: Path, server: EmbeddedPostgres
    ) -> None:
        pid = postmaster(home)
        os.kill(parent_of(pid), signal.SIGKILL)
        wait_until(lambda: not alive(pid))
        server.ensure()
        assert kept(server) is not None

    def test_an_interrupt_at_the_terminal_does_not_reach_it(
        self, home: Path, server: EmbeddedPostgres
    ) -> None:
        """It has a session of its own, so only Drovi hears ^C."""
        del server
        pid = postmaster(home)
        assert os.getsid(pid) != os.getsid(0)
        assert os.getsid(parent_of(pid)) == os.getsid(pid)

    def test_a_pid_dealt_out_again_is_not_taken_for_a_server(self, home: Path) -> None:
        """After a crash of the machine the recorded pid may be any program's; it must not block the start."""
        account = binaries.unprivileged_account()
        as_user = {"user": account.uid, "group": account.gid} if account else {}
        pid_file = home / "postgres" / "data" / "postmaster.pid"
        with subprocess.Popen(["sleep", "60"], cwd="/", **as_user) as stranger:
            pid_file.write_text(f"{stranger.pid}\n{home}\n1\n1\n\n127.0.0.1\n\nready\n")
            os.chown(pid_file, *((account.uid, account.gid) if account else (-1, -1)))
            try:
                with EmbeddedPostgres(home) as server:
                    assert kept(server) is not None
            finally:
                stranger.kill()


class TestRefusals:
    def test_a_half_made_cluster_is_made_again(self, tmp_path: Path) -> None:
        """An initdb that was interrupted leaves nothing that is taken for a database."""
        leftover = tmp_path / "postgres" / "data.new"
        leftover.mkdir(parents=True)
        (leftover / "PG_VERSION").write_text("18\n")
        with EmbeddedPostgres(tmp_path) as server, psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert not leftover.exists()

    def test_lost_secrets_are_named(self, home: Path) -> None:
        """Said plainly, instead of an authentication error or a wait for ever."""
        secrets = home / "secrets.json"
        text = secrets.read_text()
        secrets.unlink()
        try:
            with pytest.raises(NotConfigured, match="does not take the passwords"):
                EmbeddedPostgres(home).start()
        finally:
            secrets.write_text(text)

    def test_another_major_version_is_named(self, home: Path) -> None:
        version = home / "postgres" / "data" / "PG_VERSION"
        version.write_text("17\n")
        try:
            with pytest.raises(NotConfigured, match="written by Postgres 17"):
                EmbeddedPostgres(home).start()
        finally:
            version.write_text("18\n")

    def test_a_taken_port_is_named_when_asked_for_and_avoided_when_not(self, home: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(NotConfigured, match=f"Port {port}"):
                EmbeddedPostgres(home, port=port).start()
            (home / "postgres" / "port").write_text(str(port))
            with EmbeddedPostgres(home) as server:
                assert server.port != port

    def test_a_server_that_cannot_start_shows_its_log(self, home: Path) -> None:
        """And is not tried for a minute: nothing that a crash left behind would go away by waiting."""
        configuration = home / "postgres" / "data" / "postgresql.conf"
        text = configuration.read_text()
        configuration.write_text(text + "\nno_such_setting = 1\n")
        try:
            with pytest.raises(NotConfigured, match="no_such_setting"):
                EmbeddedPostgres(home).start()
        finally:
            configuration.write_text(text)
