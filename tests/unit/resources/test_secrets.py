"""Secrets open for the connection they were sealed for, and for nothing else."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from resources.errors import CredentialExpired
from resources.secret_file import SecretFile
from resources.secrets import Sealed, SecretBox

ORG, CONNECTION = uuid4(), uuid4()


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox(SecretFile(tmp_path))


def test_what_was_sealed_opens_again(box: SecretBox) -> None:
    """By name, Unicode included; and the stored form does not show it."""
    sealed = box.seal(ORG, CONNECTION, {"password": "clé très secrète"})
    assert box.open(ORG, CONNECTION, sealed) == {"password": "clé très secrète"}
    assert b"secr" not in sealed.ciphertext


def test_the_same_secret_is_never_sealed_the_same(box: SecretBox) -> None:
    """A fresh nonce each time: equal passwords do not show as equal rows."""
    assert box.seal(ORG, CONNECTION, {"p": "x"}) != box.seal(ORG, CONNECTION, {"p": "x"})


def test_a_row_moved_to_another_tenant_or_connection_does_not_open(box: SecretBox) -> None:
    """Both are bound in."""
    sealed = box.seal(ORG, CONNECTION, {"p": "x"})
    for org_id, connection_id in ((uuid4(), CONNECTION), (ORG, uuid4())):
        with pytest.raises(CredentialExpired):
            box.open(org_id, connection_id, sealed)


def test_a_flipped_bit_does_not_open(box: SecretBox) -> None:
    """Anywhere: nonce, body or tag; nor does a truncated one."""
    sealed = box.seal(ORG, CONNECTION, {"p": "x"})
    for position in range(len(sealed.ciphertext)):
        damaged = bytearray(sealed.ciphertext)
        damaged[position] ^= 1
        with pytest.raises(CredentialExpired):
            box.open(ORG, CONNECTION, Sealed(sealed.key_id, bytes(damaged)))
    with pytest.raises(CredentialExpired):
        box.open(ORG, CONNECTION, Sealed(sealed.key_id, sealed.ciphertext[:7]))


def test_an_old_key_still_opens_after_a_new_one_came(tmp_path: Path) -> None:
    """Rotation: new secrets under the new key, old rows under theirs until they are sealed again."""
    keys = SecretFile(tmp_path)
    old = SecretBox(keys)
    sealed = old.seal(ORG, CONNECTION, {"p": "x"})
    new = SecretBox(keys, current="connection_secrets_2")
    assert new.seal(ORG, CONNECTION, {"p": "x"}).key_id == "connection_secrets_2"
    assert new.open(ORG, CONNECTION, sealed) == {"p": "x"}


def test_another_home_does_not_open_it(box: SecretBox, tmp_path: Path) -> None:
    """A dump of the database without DROVI_HOME holds no secret."""
    sealed = box.seal(ORG, CONNECTION, {"p": "x"})
    with pytest.raises(CredentialExpired):
        SecretBox(SecretFile(tmp_path / "elsewhere")).open(ORG, CONNECTION, sealed)
