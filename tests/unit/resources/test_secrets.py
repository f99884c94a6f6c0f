"""Secrets open for what they were sealed for, under whichever key of this deployment, and for nothing else."""

from __future__ import annotations

import os
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from resources.errors import CredentialExpired, NotConfigured
from resources.master_keys import FIRST_FORMAT_KEY, MasterKeys
from resources.secret_file import SecretFile
from resources.secrets import Purpose, Sealed, SecretBox

ORG, CONNECTION = uuid4(), uuid4()


@pytest.fixture
def keys(tmp_path: Path) -> MasterKeys:
    return MasterKeys(SecretFile(tmp_path))


@pytest.fixture
def box(keys: MasterKeys) -> SecretBox:
    return SecretBox(keys)


def sealed_as_before(file: SecretFile, org_id: UUID, connection_id: UUID, plain: bytes) -> Sealed:
    """As the first version sealed: no data key, no purpose."""
    key = urlsafe_b64decode(file.get(FIRST_FORMAT_KEY) + "=")
    nonce = os.urandom(12)
    bound = b"drovi:connection-secret:" + org_id.bytes + connection_id.bytes
    return Sealed(FIRST_FORMAT_KEY, nonce + AESGCM(key).encrypt(nonce, plain, bound))


def test_what_was_sealed_opens_again(box: SecretBox) -> None:
    """By name, Unicode included; and the stored form does not show it."""
    sealed = box.seal(ORG, CONNECTION, {"password": "clé très secrète"})
    assert box.open(ORG, CONNECTION, sealed) == {"password": "clé très secrète"}
    assert b"secr" not in sealed.ciphertext


def test_the_same_secret_is_never_sealed_the_same(box: SecretBox) -> None:
    """A fresh key and nonce each time: equal passwords do not show as equal rows."""
    first, second = (box.seal(ORG, CONNECTION, {"p": "x"}).ciphertext for _ in range(2))
    assert not {first[n : n + 8] for n in range(len(first) - 8)} & {
        second[n : n + 8] for n in range(len(second) - 8)
    }


def test_a_row_moved_elsewhere_does_not_open(box: SecretBox) -> None:
    """To another tenant, another connection, another purpose: all are bound in."""
    sealed = box.seal(ORG, CONNECTION, {"p": "x"})
    for org_id, connection_id, purpose in (
        (uuid4(), CONNECTION, Purpose.CONNECTION),
        (ORG, uuid4(), Purpose.CONNECTION),
        (CONNECTION, ORG, Purpose.CONNECTION),
        (ORG, CONNECTION, Purpose.SECOND_FACTOR),
        (ORG, CONNECTION, Purpose.WEBHOOK),
    ):
        with pytest.raises(CredentialExpired):
            box.open(org_id, connection_id, sealed, purpose=purpose)
        with pytest.raises(CredentialExpired):
            box.rewrap(org_id, connection_id, sealed, purpose=purpose)


def test_the_layers_of_two_secrets_cannot_be_exchanged(box: SecretBox) -> None:
    """A wrapped data key beside another secret of the same connection opens nothing."""
    one, two = box.seal(ORG, CONNECTION, {"p": "x"}), box.seal(ORG, CONNECTION, {"p": "y"})
    with pytest.raises(CredentialExpired):
        box.open(ORG, CONNECTION, Sealed(one.key_id, one.ciphertext[:60] + two.ciphertext[60:]))


def test_a_flipped_bit_does_not_open(box: SecretBox) -> None:
    """Anywhere in either layer: nonce, body or tag; nor does a truncated one."""
    sealed = box.seal(ORG, CONNECTION, {"p": "x"})
    for position in range(len(sealed.ciphertext)):
        damaged = bytearray(sealed.ciphertext)
        damaged[position] ^= 1
        with pytest.raises(CredentialExpired):
            box.open(ORG, CONNECTION, Sealed(sealed.key_id, bytes(damaged)))
    for length in (0, 7, 40, 60, len(sealed.ciphertext) - 1):
        with pytest.raises(CredentialExpired):
            box.open(ORG, CONNECTION, Sealed(sealed.key_id, sealed.ciphertext[:length]))


def test_an_old_key_still_opens_after_a_new_one_came(keys: MasterKeys, box: SecretBox) -> None:
    """New secrets are sealed under the new key, old rows open until they are wrapped anew, and then as well."""
    sealed = box.seal(ORG, CONNECTION, {"p": "x"})
    new_key = keys.add()
    assert box.seal(ORG, CONNECTION, {"p": "x"}).key_id == new_key
    assert box.open(ORG, CONNECTION, sealed) == {"p": "x"}
    wrapped = box.rewrap(ORG, CONNECTION, sealed)
    assert wrapped.key_id == new_key != sealed.key_id
    assert box.open(ORG, CONNECTION, wrapped) == {"p": "x"}
    assert wrapped.ciphertext[60:] == sealed.ciphertext[60:]


def test_a_row_under_the_name_of_another_key_does_not_open(keys: MasterKeys, box: SecretBox) -> None:
    sealed = box.seal(ORG, CONNECTION, {"p": "x"})
    with pytest.raises(CredentialExpired):
        box.open(ORG, CONNECTION, Sealed(keys.add(), sealed.ciphertext))


def test_a_process_that_knows_the_old_keys_opens_what_another_sealed_under_a_new_one(tmp_path: Path) -> None:
    """It reads the file again for a key it has not met; and seals under the new one at once."""
    running, rotating = (SecretBox(MasterKeys(SecretFile(tmp_path))) for _ in range(2))
    old = running.seal(ORG, CONNECTION, {"p": "x"})
    assert running.open(ORG, CONNECTION, old) == {"p": "x"}
    new_key = MasterKeys(SecretFile(tmp_path)).add()
    assert running.open(ORG, CONNECTION, rotating.rewrap(ORG, CONNECTION, old)) == {"p": "x"}
    assert running.seal(ORG, CONNECTION, {"p": "x"}).key_id == new_key


def test_a_row_of_the_first_format_opens_and_becomes_an_envelope(tmp_path: Path) -> None:
    """Bound as it was then; for a connection and for nothing else."""
    file = SecretFile(tmp_path)
    box = SecretBox(MasterKeys(file))
    sealed = sealed_as_before(file, ORG, CONNECTION, b'{"password":"x"}')
    assert box.open(ORG, CONNECTION, sealed) == {"password": "x"}
    wrapped = box.rewrap(ORG, CONNECTION, sealed)
    assert wrapped.key_id != FIRST_FORMAT_KEY
    assert box.open(ORG, CONNECTION, wrapped) == {"password": "x"}
    for org_id, purpose in ((uuid4(), Purpose.CONNECTION), (ORG, Purpose.SECOND_FACTOR)):
        with pytest.raises(CredentialExpired):
            box.open(org_id, CONNECTION, sealed, purpose=purpose)


def test_another_home_does_not_open_it(box: SecretBox, tmp_path: Path) -> None:
    """A dump of the database without DROVI_HOME holds no secret; and no key is made for having been asked."""
    sealed = box.seal(ORG, CONNECTION, {"p": "x"})
    elsewhere = SecretFile(tmp_path / "elsewhere")
    with pytest.raises(NotConfigured, match="is not among the master keys"):
        SecretBox(MasterKeys(elsewhere)).open(ORG, CONNECTION, sealed)
    assert elsewhere.all() == {}


class TestFromTheEnvironment:
    """Keys of whatever keeps secrets in production."""

    ONE, TWO = (f"{name}:{urlsafe_b64encode(name.encode() * 32)[:43].decode()}" for name in "ab")

    def test_the_first_seals_and_the_others_open(self, tmp_path: Path) -> None:
        file = SecretFile(tmp_path)
        old = SecretBox(MasterKeys(file, self.ONE)).seal(ORG, CONNECTION, {"p": "x"})
        box = SecretBox(MasterKeys(file, f"{self.TWO},{self.ONE}"))
        assert (old.key_id, box.seal(ORG, CONNECTION, {"p": "x"}).key_id) == ("a", "b")
        assert box.open(ORG, CONNECTION, old) == {"p": "x"}
        assert box.rewrap(ORG, CONNECTION, old).key_id == "b"
        assert file.all() == {}

    def test_what_the_file_sealed_still_opens_when_keys_are_given(self, tmp_path: Path) -> None:
        file = SecretFile(tmp_path)
        sealed = SecretBox(MasterKeys(file)).seal(ORG, CONNECTION, {"p": "x"})
        box = SecretBox(MasterKeys(file, self.ONE))
        assert box.open(ORG, CONNECTION, sealed) == {"p": "x"}
        assert box.rewrap(ORG, CONNECTION, sealed).key_id == "a"

    def test_either_alphabet_and_padding_or_none_are_the_same_key(self, tmp_path: Path) -> None:
        raw = b"\xfb\xff" * 16
        file = SecretFile(tmp_path)
        spellings = (b64encode(raw), urlsafe_b64encode(raw), urlsafe_b64encode(raw).rstrip(b"="))
        assert {MasterKeys(file, f"k:{one.decode()}").get("k") for one in spellings} == {raw}
