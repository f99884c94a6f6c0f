"""Master keys: made once, rotated forward, forgotten on purpose."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from resources import master_keys
from resources.errors import Conflict, NotConfigured, NotFound
from resources.master_keys import FIRST_FORMAT_KEY, MasterKeys, Origin
from resources.secret_file import SecretFile
from resources.settings import Settings

KEY = base64.b64encode(bytes(32)).decode()


@pytest.fixture
def file(tmp_path: Path) -> SecretFile:
    return SecretFile(tmp_path)


def test_first_uses_at_once_agree_on_one_key(file: SecretFile) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: MasterKeys(file).current(), range(32)))) == 1
    assert len(MasterKeys(file).all()) == 1


def test_a_new_key_is_current_and_the_old_one_stays(file: SecretFile) -> None:
    """However soon after, and where the clock was set back."""
    keys = MasterKeys(file)
    made = [keys.current(), *(keys.add() for _ in range(5))]
    assert sorted(set(made)) == made
    assert keys.current() == made[-1]
    assert len({keys.get(key_id) for key_id in made}) == 6


def test_a_clock_that_was_set_back_does_not_make_an_old_key_current(
    file: SecretFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = MasterKeys(file)
    keys.current()
    monkeypatch.setattr(master_keys, "clock_now", lambda: datetime(2001, 1, 1, tzinfo=UTC))
    new = keys.add()
    assert keys.current() == new


def test_the_list_says_where_each_is_from_and_which_is_current(file: SecretFile) -> None:
    file.get(FIRST_FORMAT_KEY)
    file.get("postgres_drovi_app")
    keys = MasterKeys(file)
    old = keys.current()
    new = keys.add()
    assert [(key.id, key.current) for key in keys.all()] == [
        (new, True),
        (old, False),
        (FIRST_FORMAT_KEY, False),
    ]
    given = MasterKeys(file, f"b:{KEY}").all()
    assert [(key.id, key.origin, key.current) for key in given[:2]] == [
        ("b", Origin.ENVIRONMENT, True),
        (new, Origin.FILE, False),
    ]


class TestForgetting:
    def test_a_key_is_gone_from_the_file_and_from_memory(self, file: SecretFile) -> None:
        keys = MasterKeys(file)
        old = keys.current()
        keys.get(old)
        keys.add()
        keys.remove(old, now=datetime.now(UTC) + timedelta(hours=1))
        assert old not in file.all()
        with pytest.raises(NotConfigured):
            keys.get(old)

    def test_the_current_one_stays(self, file: SecretFile) -> None:
        keys = MasterKeys(file)
        with pytest.raises(Conflict, match="is the current key"):
            keys.remove(keys.current())

    @pytest.mark.parametrize("old", ["", FIRST_FORMAT_KEY])
    def test_one_that_was_current_a_moment_ago_stays_for_a_while(self, file: SecretFile, old: str) -> None:
        """A secret sealed under it may not have been committed yet; counted from when the next one came."""
        keys = MasterKeys(file)
        if old:
            file.get(old)
        else:
            old = keys.current()
        keys.add()
        with pytest.raises(Conflict, match="moment ago"):
            keys.remove(old)
        keys.remove(old, now=datetime.now(UTC) + timedelta(minutes=11))

    @pytest.mark.parametrize("name", ["nothing", "owner_api_key", "master_key_20200101T000000000000Z"])
    def test_only_a_master_key_that_is_there_can_be_forgotten(self, file: SecretFile, name: str) -> None:
        file.get("owner_api_key")
        with pytest.raises(NotFound):
            MasterKeys(file).remove(name)
        assert "owner_api_key" in file.all()

    def test_a_key_of_the_environment_is_not_ours_to_add_or_forget(self, file: SecretFile) -> None:
        keys = MasterKeys(file, f"a:{KEY}")
        with pytest.raises(Conflict, match="DROVI_MASTER_KEYS"):
            keys.add()
        with pytest.raises(NotFound):
            keys.remove("a")


class TestGiven:
    @pytest.mark.parametrize(
        "text",
        [
            "nonsense",
            f":{KEY}",
            "a:",
            "a:c2hvcnQ=",
            "a:§§§",
            f"a:{KEY},a:{KEY}",
            f"a b:{KEY}",
            f"{FIRST_FORMAT_KEY}:{KEY}",
            f"a:{KEY}{KEY}",
        ],
    )
    def test_what_cannot_be_keys_is_refused_at_the_start(self, text: str, tmp_path: Path) -> None:
        """Without repeating what was given."""
        with pytest.raises(NotConfigured) as refused:
            Settings(home=tmp_path, given_master_keys=text)
        assert KEY not in str(refused.value)

    def test_spaces_and_a_last_comma_do_no_harm(self, file: SecretFile) -> None:
        assert MasterKeys(file, f" a:{KEY} , b:{KEY},").current() == "a"

    def test_a_damaged_file_is_named(self, file: SecretFile) -> None:
        keys = MasterKeys(file)
        current = keys.current()
        file.change(lambda secrets: secrets.update({current: "short"}))
        with pytest.raises(NotConfigured, match="is damaged"):
            keys.get(current)
