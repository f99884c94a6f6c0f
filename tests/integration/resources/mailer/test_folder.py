"""Mails as files: what anybody can try with nothing set up."""

from __future__ import annotations

import email
import email.policy
import os
from pathlib import Path

import pytest

from resources.errors import PermissionMissing, ProviderDown
from resources.mailer import Mail, open_mailer
from resources.mailer.folder import FolderMailer
from resources.mailer.message import Sender
from resources.secret_file import holds_state
from resources.settings import Settings


class TestFolder:
    def test_each_mail_is_a_file_that_mail_programs_open(
        self, folder: Path, mail: Mail, sender: Sender
    ) -> None:
        FolderMailer(folder, sender).send(mail, idempotency_key="k")
        (path,) = folder.iterdir()
        assert path.suffix == ".eml"
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert (message["From"], message["Subject"]) == ("Drovi <noreply@drovi.example>", mail.subject)
        assert message["Message-ID"].startswith(f"<{path.stem}@")

    def test_only_its_owner_can_read_it(self, folder: Path, mail: Mail, sender: Sender) -> None:
        """It holds links that are keys."""
        FolderMailer(folder, sender).send(mail, idempotency_key="k")
        (path,) = folder.iterdir()
        assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)

    def test_a_mail_sent_again_is_one_file(self, folder: Path, mail: Mail, sender: Sender) -> None:
        way = FolderMailer(folder, sender)
        for key in ("k", "k", "other"):
            way.send(mail, idempotency_key=key)
        assert len(list(folder.iterdir())) == 2

    def test_it_is_the_way_out_where_nothing_is_set_up(self, tmp_path: Path, mail: Mail) -> None:
        open_mailer(Settings(home=tmp_path)).send(mail, idempotency_key="k")
        assert len(list((tmp_path / "mail").glob("*.eml"))) == 1

    def test_mails_are_nobodys_documents(self, tmp_path: Path, mail: Mail) -> None:
        """A watched folder that reached into DROVI_HOME would make links searchable."""
        settings = Settings(home=tmp_path)
        settings.secrets.get("any")
        open_mailer(settings).send(mail, idempotency_key="k")
        assert holds_state(tmp_path / "mail")

    def test_a_full_disk_leaves_no_half_file(
        self, folder: Path, mail: Mail, sender: Sender, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(ProviderDown):
                FolderMailer(folder, sender).send(mail, idempotency_key="k")
        assert list(folder.iterdir()) == []

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_somebody_elses_folder_is_named(self, folder: Path, mail: Mail, sender: Sender) -> None:
        folder.mkdir(mode=0o500)
        with pytest.raises(PermissionMissing, match="mail"):
            FolderMailer(folder, sender).send(mail, idempotency_key="k")
