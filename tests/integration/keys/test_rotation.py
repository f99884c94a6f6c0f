"""Rotation of master keys over real rows: under load, interrupted, from the first format, with damage in the way."""

from __future__ import annotations

import base64
import random
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID, uuid4

import psycopg
import pyotp
import pytest
from sqlalchemy import select, update

from resources import letters, master_keys, rotation
from resources.audit import PLATFORM, SYSTEM, newest
from resources.embedded_postgres import EmbeddedPostgres
from resources.errors import Conflict, CredentialExpired
from resources.identity import people, second_factor
from resources.master_keys import FIRST_FORMAT_KEY, MasterKeys
from resources.rotation import retire, rotate, usage
from resources.schema import connection_secret, outgoing_mail
from resources.secrets import Sealed, SecretBox
from tests.conftest import Database, Tenant
from tests.integration.keys.conftest import Vault
from tests.unit.resources.test_secrets import sealed_as_before


class Load:
    """Somebody who opens random secrets and seals them anew, in a process with keys of its own, and counts failures."""

    def __init__(self, vault: Vault, tenant: Tenant, ids: list[UUID], seed: int) -> None:
        self._vault, self._org_id, self._ids = vault, tenant.principal.org_id, ids
        self._box = SecretBox(vault.keys)
        self._random = random.Random(seed)
        self.opened = 0
        self.resealed: set[UUID] = set()

    def until(self, stop: Event) -> None:
        while not stop.is_set():
            self.once()

    def once(self) -> None:
        one = self._random.choice(self._ids)
        mine = connection_secret.c.connection_id == one
        with self._vault.database.organisation(self._org_id) as session:
            query = select(connection_secret.c.key_id, connection_secret.c.ciphertext).where(mine)
            row = session.execute(query).one()
            secret = self._box.open(self._org_id, one, Sealed(row.key_id, row.ciphertext))
            assert secret["password"].startswith(str(one))
            self.opened += 1
            if self._random.random() < 0.5:
                new = self._box.seal(self._org_id, one, {"password": f"{one} again"})
                values = {"key_id": new.key_id, "ciphertext": new.ciphertext}
                session.execute(update(connection_secret).where(mine).values(values))
                self.resealed.add(one)


def test_ten_thousand_rows_are_rotated_while_four_threads_use_them(vault: Vault) -> None:
    """Nobody fails to open one, nothing sealed anew is overwritten, and the old key is left with nothing."""
    ids = {tenant: vault.seal(tenant, 5_000) for tenant in vault.tenants}
    old = vault.keys.current()
    loads = [Load(vault, tenant, ids[tenant], seed) for seed, tenant in enumerate(vault.tenants * 2)]
    stop = Event()
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(load.until, stop) for load in loads]
        try:
            done = rotate(vault.databases, vault.keys, SYSTEM)
        finally:
            stop.set()
        for one in running:
            one.result()
    assert done.unopened == ()
    assert all(load.opened > 0 for load in loads)
    assert usage(vault.databases) == {done.key_id: 10_000}
    assert done.key_id != old
    box = SecretBox(vault.keys)
    resealed = set().union(*(load.resealed for load in loads))
    for tenant in vault.tenants:
        for one, sealed in vault.rows(tenant).items():
            expected = f"{one} again" if one in resealed else str(one)
            assert box.open(tenant.principal.org_id, one, sealed) == {"password": expected}


def test_a_row_sealed_anew_in_mid_rotation_is_not_overwritten(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the reading of a batch and its writing: what was written last stays."""
    tenant = vault.tenants[0]
    (one,) = vault.seal(tenant, 1)
    load = Load(vault, tenant, [one], seed=1)
    rewrap = SecretBox.rewrap

    def slowly(*arguments: object, **named: object) -> Sealed:
        new = rewrap(*arguments, **named)
        while one not in load.resealed:
            load.once()
        return new

    monkeypatch.setattr(SecretBox, "rewrap", slowly)
    done = rotate(vault.databases, vault.keys, SYSTEM)
    assert done.rewrapped == 0
    opened = SecretBox(vault.keys).open(tenant.principal.org_id, one, vault.rows(tenant)[one])
    assert opened == {"password": f"{one} again"}
    assert usage(vault.databases) == {done.key_id: 1}


def test_a_row_sealed_under_the_old_key_behind_the_rotations_back_is_met_again(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody took the old key for current just before, and committed after the row had been passed."""
    tenant = vault.tenants[0]
    old = vault.keys.current()
    vault.seal(tenant, 2)
    (late,) = vault.connections(tenant, 1)
    sealed = SecretBox(vault.keys).seal(tenant.principal.org_id, late, {"password": "late"})
    rewrap = rotation._Wrapping.rewrap
    waiting = [(late, sealed)]

    def then_late(self: object, *arguments: object) -> int:
        written = rewrap(self, *arguments)
        if waiting:
            vault.keep(tenant, [waiting.pop()])
        return written

    monkeypatch.setattr(rotation._Wrapping, "rewrap", then_late)
    done = rotate(vault.databases, vault.keys, SYSTEM)
    assert usage(vault.databases) == {done.key_id: 3}
    assert sealed.key_id == old != done.key_id


def test_an_interrupted_rotation_goes_on_where_it_stopped(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the same key; what was done is not done again."""
    monkeypatch.setattr(rotation, "BATCH", 10)
    vault.seal(vault.tenants[0], 35)
    rewrap, calls = SecretBox.rewrap, iter(range(25))

    def then_killed(*arguments: object, **named: object) -> Sealed:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return rewrap(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(SecretBox, "rewrap", then_killed)
        with pytest.raises(KeyboardInterrupt):
            rotate(vault.databases, vault.keys, SYSTEM)
    current = vault.keys.current()
    assert usage(vault.databases)[current] == 20
    done = rotate(vault.databases, vault.keys, SYSTEM, resume=True)
    assert (done.key_id, done.rewrapped) == (current, 15)
    assert usage(vault.databases) == {current: 35}


def test_two_rotations_at_once_end_under_one_key(vault: Vault) -> None:
    for tenant in vault.tenants:
        vault.seal(tenant, 300)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(rotate, vault.databases, vault.keys, SYSTEM) for _ in range(2)]
        done = [one.result() for one in both]
    assert usage(vault.databases) == {vault.keys.current(): 600}
    assert done[0].unopened == done[1].unopened == ()


def test_rows_of_the_first_format_are_rotated_into_envelopes(vault: Vault) -> None:
    """And then their key can go."""
    tenant = vault.tenants[0]
    (one,) = vault.connections(tenant, 1)
    org_id = tenant.principal.org_id
    vault.keep(tenant, [(one, sealed_as_before(vault.file, org_id, one, b'{"password":"x"}'))])
    assert usage(vault.databases) == {FIRST_FORMAT_KEY: 1}
    done = rotate(vault.databases, vault.keys, SYSTEM)
    assert (done.rewrapped, usage(vault.databases)) == (1, {done.key_id: 1})
    assert SecretBox(vault.keys).open(org_id, one, vault.rows(tenant)[one]) == {"password": "x"}


def test_a_row_that_does_not_open_is_named_and_stops_nothing(vault: Vault) -> None:
    """Damaged, or swapped between connections or tenants: it stays as it is, for whoever mends it."""
    first, second = vault.tenants
    a, b, damaged = vault.seal(first, 3)
    (c,) = vault.seal(second, 1)
    rows = vault.rows(first)

    def write(tenant: Tenant, one: UUID, ciphertext: bytes) -> None:
        with vault.database.organisation(tenant.principal.org_id) as session:
            mine = connection_secret.c.connection_id == one
            session.execute(update(connection_secret).where(mine).values(ciphertext=ciphertext))

    flipped = bytearray(rows[damaged].ciphertext)
    flipped[20] ^= 1
    write(first, damaged, bytes(flipped))
    write(first, b, rows[a].ciphertext)
    write(second, c, rows[a].ciphertext)
    done = rotate(vault.databases, vault.keys, SYSTEM)
    assert done.rewrapped == 1
    assert {one.subject_id for one in done.unopened} == {b, c, damaged}
    box = SecretBox(vault.keys)
    for tenant, one in ((first, b), (first, damaged), (second, c)):
        with pytest.raises(CredentialExpired):
            box.open(tenant.principal.org_id, one, vault.rows(tenant)[one])


def test_a_rotation_is_audited_without_a_key(vault: Vault) -> None:
    vault.seal(vault.tenants[0], 2)
    done = rotate(vault.databases, vault.keys, SYSTEM)
    with vault.database.organisation(PLATFORM) as session:
        (entry,) = newest(session, PLATFORM, 10)
    assert (entry.action, entry.subject_id) == ("keys.rotated", done.key_id)
    assert entry.after == {"rewrapped": 2, "unopened": 0}


class TestRetiring:
    def test_a_key_in_use_is_kept(self, vault: Vault) -> None:
        """Counted over all organisations."""
        vault.seal(vault.tenants[1], 2)
        old = vault.keys.current()
        vault.keys.add()
        with pytest.raises(Conflict, match="2 stored secrets"):
            retire(vault.databases, vault.keys, old, SYSTEM)
        assert old in vault.file.all()

    def test_one_that_nothing_uses_any_more_goes(self, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
        (one,) = vault.seal(vault.tenants[0], 1)
        old = vault.keys.current()
        rotate(vault.databases, vault.keys, SYSTEM)
        monkeypatch.setattr(master_keys, "GRACE", master_keys.GRACE * 0)
        retire(vault.databases, vault.keys, old, SYSTEM)
        assert old not in vault.file.all()
        org_id = vault.tenants[0].principal.org_id
        assert SecretBox(vault.keys).open(org_id, one, vault.rows(vault.tenants[0])[one])
        with vault.database.organisation(PLATFORM) as session:
            assert [entry.action for entry in newest(session, PLATFORM, 10)] == [
                "keys.retired",
                "keys.rotated",
            ]

    def test_a_refusal_is_no_entry(self, vault: Vault) -> None:
        with pytest.raises(Conflict):
            retire(vault.databases, vault.keys, vault.keys.current(), SYSTEM)
        with vault.database.organisation(PLATFORM) as session:
            assert newest(session, PLATFORM, 10) == []


def test_keys_of_the_environment_take_over_from_those_of_the_file(vault: Vault) -> None:
    """A deployment that moves its keys out of the file: no new key is made, every row is wrapped under the given one."""
    vault.seal(vault.tenants[0], 5)
    keys = MasterKeys(vault.file, "vault-1:" + base64.b64encode(b"k" * 32).decode())
    with pytest.raises(Conflict, match="DROVI_MASTER_KEYS"):
        rotate(vault.databases, keys, SYSTEM)
    assert rotate(vault.databases, keys, SYSTEM, resume=True).key_id == "vault-1"
    assert usage(vault.databases) == {"vault-1": 5}


def test_a_dump_of_the_database_holds_no_secret(
    vault: Vault, database: Database, postgres: EmbeddedPostgres
) -> None:
    """Every table read whole, past all rules: not the secret, in no spelling, and no key."""
    tenant = vault.tenants[0]
    planted = f"hunter2-{uuid4()}"
    (one,) = vault.connections(tenant, 1)
    org_id = tenant.principal.org_id
    vault.keep(tenant, [(one, SecretBox(vault.keys).seal(org_id, one, {"password": planted}))])
    rotate(vault.databases, vault.keys, SYSTEM)
    name = database.urls.owner.rpartition("/")[2].partition("?")[0]
    with psycopg.connect(postgres.url(name, "superuser")) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        dump = "\n".join(
            row[0]
            for (table,) in tables
            for row in connection.execute(f"SELECT whole::text FROM {table} AS whole").fetchall()
        )
    assert str(one) in dump
    for secret in (planted.encode(), *(vault.keys.get(key.id) for key in vault.keys.all())):
        for spelling in (
            secret.hex(),
            base64.b64encode(secret).decode(),
            base64.urlsafe_b64encode(secret).decode(),
        ):
            assert spelling.rstrip("=") not in dump
    assert planted not in dump


def test_second_factors_and_waiting_letters_are_rotated_too(vault: Vault, database: Database) -> None:
    """Whatever role keeps a secret, its old key can be retired after a rotation, and it still opens."""
    box = SecretBox(vault.keys)
    with database.identity.transaction() as session:
        user_id = people.create(session, "totp@keys.example", "T", "en", None)
        enrolment = second_factor.begin(session, box, user_id, "totp@keys.example")
        for org_id in (None, vault.tenants[0].principal.org_id):
            letters.queue(
                session,
                box,
                to="totp@keys.example",
                locale="en",
                template="password_changed",
                values={"recipient": "T", "link": "https://drovi.example/"},
                org_id=org_id,
            )
    old = vault.keys.current()
    done = rotate(vault.databases, vault.keys, SYSTEM)
    assert (done.rewrapped, done.unopened) == (3, ())
    assert usage(vault.databases) == {done.key_id: 3}
    assert old != done.key_id
    later = SecretBox(vault.keys)
    with database.worker.dispatch() as session:
        rows = session.execute(select(outgoing_mail)).all()
    assert {letters.opened(later, row).to for row in rows} == {"totp@keys.example"}
    with database.identity.transaction() as session:
        code = pyotp.TOTP(enrolment.secret).now()
        assert second_factor.confirm(session, later, user_id, code)
