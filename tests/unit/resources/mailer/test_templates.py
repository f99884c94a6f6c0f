"""The platform's mails: both languages say the same, properly set, and nobody's name can do harm in them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lxml import html as lxml_html

import resources.mailer
from resources.errors import InvariantBroken
from resources.mailer import Mail, render
from resources.mailer.locales import NO_BREAK, WORDS
from resources.mailer.templates import TEMPLATES, variables

LOCALES = tuple(WORDS)
EVERY = [(name, locale) for name in TEMPLATES for locale in LOCALES]
LINK = "https://drovi.example/verify?token=Zk3plantedtoken9Qm&to=a"
VALUES: dict[str, Any] = {
    "recipient": "Hélène d'Aubigny",
    "inviter": "Camille O'Brien",
    "actor": "Camille O'Brien",
    "organisation": "Morel & Associés",
    "source": "Dossier Lumivelle",
    "endpoint": "hooks.morel.example",
    "export": "Dossier Lumivelle, novembre",
    "role": "ADMIN",
    "change": "replaced",
    "device": "Firefox, Windows",
    "address": "helene@nouvelle-adresse.example",
    "ip_address": "203.0.113.9",
    "changed_at": datetime(2026, 11, 25, 8, 4, tzinfo=UTC),
    "signed_in_at": datetime(2026, 11, 25, 8, 4, tzinfo=UTC),
    "valid_for": timedelta(days=1),
    "period": "weekly",
    "since": datetime(2026, 11, 18, 7, 30, tzinfo=UTC),
    "commitments": "12",
    "decisions": "3",
    "risks": "2",
    "claims": "41",
    "advice": "5",
    "due_soon": "4",
    "overdue": "1",
    "link": LINK,
}


def rendered(name: Any, locale: Any, **changes: Any):
    return render(name, locale, **{key: {**VALUES, **changes}[key] for key in variables(name, locale)})


def seen(document: str) -> str:
    """The words of an HTML mail as a reader sees them."""
    root = lxml_html.fromstring(document)
    for hidden in root.xpath("//style | //title | //*[@aria-hidden='true']"):
        hidden.drop_tree()
    return re.sub(r"[ \t\n]+", " ", " ".join(root.itertext()))


class TestEachMail:
    @pytest.mark.parametrize(("name", "locale"), EVERY)
    def test_it_can_be_sent(self, name: str, locale: str) -> None:
        """Subject and both parts are there, nothing is left unfilled, and it is small."""
        mail = rendered(name, locale)
        Mail("a@firm.example", mail.subject, mail.text, mail.html)
        for part in (mail.subject, mail.text, mail.html):
            assert part.strip()
            assert not re.search(r"\{\{|\{%|None|Undefined", part)
        assert len(mail.html.encode()) < 12_000

    @pytest.mark.parametrize("name", TEMPLATES)
    def test_both_languages_take_the_same_values(self, name: Any) -> None:
        assert variables(name, "en") == variables(name, "fr")
        assert rendered(name, "en").subject != rendered(name, "fr").subject

    def test_every_file_is_a_mail_that_can_be_asked_for(self) -> None:
        folder = Path(resources.mailer.__file__).parent / "templates"
        for locale in LOCALES:
            assert {path.stem for path in (folder / locale).iterdir()} == set(TEMPLATES)

    @pytest.mark.parametrize(("name", "locale"), EVERY)
    def test_both_parts_say_the_same(self, name: Any, locale: Any) -> None:
        mail = rendered(name, locale)
        plain, rich = (set(re.findall(r"\w+", words)) for words in (mail.text, seen(mail.html)))
        fallback = set(re.findall(r"\w+", WORDS[locale].fallback))
        assert plain - rich == set()
        assert rich - plain <= fallback | set(re.findall(r"\w+", mail.subject))

    @pytest.mark.parametrize(("name", "locale"), EVERY)
    def test_it_says_how_long_its_link_lives(self, name: Any, locale: Any) -> None:
        """Every link that is a key has its time in the mail; 24 hours is said as hours."""
        mail = rendered(name, locale)
        if "valid_for" in variables(name, locale):
            assert f"24{NO_BREAK}{'hours' if locale == 'en' else 'heures'}" in mail.text
        assert (LINK in mail.text) == ("link" in variables(name, locale))

    @pytest.mark.parametrize(("name", "locale"), EVERY)
    def test_lines_fit_and_links_stay_whole(self, name: str, locale: str) -> None:
        lines = rendered(name, locale).text.split("\n")
        assert all(len(line) <= 76 or line.startswith("https://") for line in lines)
        assert "-- " in lines


class TestHtml:
    @pytest.mark.parametrize(("name", "locale"), EVERY)
    def test_it_fetches_nothing_and_can_be_read_aloud(self, name: str, locale: str) -> None:
        """No image, font or style from outside; language, title and heading are marked, tables of layout as such."""
        root = lxml_html.fromstring(rendered(name, locale).html)
        assert root.get("lang") == locale
        assert not root.xpath("//img | //link | //script | //iframe | //*[@src] | //*[@background]")
        assert "url(" not in lxml_html.tostring(root, encoding="unicode")
        assert root.findtext(".//title") == root.findtext(".//h1")
        assert len(root.xpath("//h1")) == 1
        assert all(
            table.get("role") == "presentation" or table.xpath(".//th[@scope='row']")
            for table in root.xpath("//table")
        )
        assert root.xpath("//meta[@name='color-scheme'][@content='light dark']")
        assert {link.get("href") for link in root.xpath("//a")} <= {LINK}

    @pytest.mark.parametrize(("name", "locale"), EVERY)
    def test_a_name_is_never_markup(self, name: Any, locale: Any) -> None:
        hostile = '<script>alert(1)</script>"><img src=x onerror=alert(1)>&lt;'
        names = {
            key: hostile
            for key, value in VALUES.items()
            if isinstance(value, str) and key not in {"role", "change", "link"}
        }
        mail = rendered(name, locale, **names)
        root = lxml_html.fromstring(mail.html)
        assert not root.xpath("//script | //img | //@onerror")
        assert seen(mail.html).count(hostile) >= 1
        assert hostile in mail.text.replace("\n", " ")

    @pytest.mark.parametrize(
        "link",
        [
            "javascript:alert(1)",
            "data:text/html,x",
            "/verify",
            "https://",
            "https://x.example/a b",
            "https://x.example/\nx",
            "https://x.example/é",
            "https://x.example/" + "a" * 2_000,
        ],
    )
    def test_a_link_leads_to_the_web(self, link: str) -> None:
        with pytest.raises(InvariantBroken, match="link"):
            rendered("verify_email", "en", link=link)


class TestNames:
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\u2028", "\0", "\x85"])
    def test_a_name_stays_on_its_line(self, end: str) -> None:
        """A subject made from it is still one line, and the text has no paragraph of its own making."""
        mail = rendered("invitation", "en", inviter=f"Camille{end}{end}Bcc: b@evil.example")
        assert mail.subject.startswith("Camille Bcc: b@evil.example invites")
        assert "Camille Bcc:" in mail.text.replace("\n", " ")

    def test_a_name_cannot_turn_or_hide_the_text(self) -> None:
        mail = rendered("invitation", "en", inviter="Cam\u202eille\u200b \u2066Morel")
        assert mail.subject.startswith("Camille Morel invites")

    def test_a_name_cannot_bring_an_encoded_word(self) -> None:
        """Mail programs would decode it, whatever it says."""
        mail = rendered("invitation", "en", inviter="=?utf-8?b?4oCuRQ==?=")
        assert "=?" not in mail.subject
        Mail("a@firm.example", mail.subject, mail.text)

    def test_a_long_name_is_cut(self) -> None:
        mail = rendered("invitation", "fr", inviter="N" * 5_000, organisation="O" * 5_000)
        assert len(mail.subject) <= 200
        assert mail.subject.endswith("…")
        assert "N" * 119 + "…" in mail.text


class TestTypography:
    @pytest.mark.parametrize("name", TEMPLATES)
    def test_french_signs_have_their_no_break_space(self, name: str) -> None:
        for changes in ({}, {"change": "disabled"}, {"change": "recovery_codes"}):
            mail = rendered(name, "fr", **changes)
            for part in (mail.subject, mail.text.replace(LINK, ""), seen(mail.html).replace(LINK, "")):
                for match in re.finditer(r"(.)[:;?!»]", part, re.DOTALL):
                    assert match[1] == NO_BREAK, part[match.start() - 20 : match.end()]
                assert not re.search(f"«(?!{NO_BREAK})", part)
                assert '"' not in part

    @pytest.mark.parametrize(("name", "locale"), EVERY)
    def test_apostrophes_are_apostrophes(self, name: str, locale: str) -> None:
        """But for those in people's own names."""
        mail = rendered(name, locale)
        for part in (mail.subject, mail.text, seen(mail.html)):
            assert "'" not in part.replace("d'Aubigny", "").replace("O'Brien", "")

    def test_english_keeps_its_spaces(self) -> None:
        mail = rendered("new_sign_in", "en")
        assert "Device: Firefox" in mail.text

    @pytest.mark.parametrize(
        ("length", "english", "french"),
        [
            (timedelta(days=7), "7 days", "7 jours"),
            (timedelta(days=1), "24 hours", "24 heures"),
            (timedelta(hours=1), "1 hour", "1 heure"),
            (timedelta(hours=36), "36 hours", "36 heures"),
            (timedelta(minutes=90), "90 minutes", "90 minutes"),
            (timedelta(minutes=1, seconds=59), "1 minute", "1 minute"),
        ],
    )
    def test_durations_are_in_words(self, length: timedelta, english: str, french: str) -> None:
        for locale, words in (("en", english), ("fr", french)):
            text = rendered("export_ready", locale, valid_for=length).text
            assert words.replace(" ", NO_BREAK) in text

    def test_moments_are_in_words_with_their_zone(self) -> None:
        paris = datetime(2026, 8, 1, 9, 5, tzinfo=ZoneInfo("Europe/Paris"))
        english = rendered("password_changed", "en", changed_at=paris).text.replace("\n", " ")
        french = rendered("password_changed", "fr", changed_at=paris).text.replace("\n", " ")
        assert (
            "on 1 August 2026 at 09:05 (CEST)".replace("1 August 2026", f"1{NO_BREAK}August{NO_BREAK}2026")
            in english
        )
        assert "le 1er août 2026 à 9 h 05 (CEST)" in french.replace(NO_BREAK, " ")

    @pytest.mark.parametrize("role", ["OWNER", "ADMIN", "MEMBER", "VIEWER"])
    def test_every_role_has_a_word(self, role: str) -> None:
        for locale in LOCALES:
            assert role not in rendered("role_changed", locale, role=role).text


class TestMistakes:
    @pytest.mark.parametrize(
        ("name", "changes"),
        [
            ("export_ready", {"valid_for": timedelta(0)}),
            ("export_ready", {"valid_for": timedelta(days=-1)}),
            ("export_ready", {"valid_for": "a day"}),
            ("password_changed", {"changed_at": datetime(2026, 11, 25, 8, 4)}),  # noqa: DTZ001 - the mistake
            ("role_changed", {"role": "planted"}),
            ("second_factor_changed", {"change": "planted"}),
        ],
    )
    def test_a_value_that_cannot_be_said_is_a_defect(self, name: Any, changes: dict[str, Any]) -> None:
        with pytest.raises(InvariantBroken, match=name) as caught:
            rendered(name, "fr", **changes)
        assert "planted" not in str(caught.value)

    def test_a_missing_or_unknown_value_is_named(self) -> None:
        with pytest.raises(InvariantBroken, match="link, recipients, valid_for"):
            render("verify_email", "en", recipient="A", recipients="B")

    def test_there_are_no_other_mails_or_languages(self) -> None:
        for name, locale in (("welcome", "en"), ("../layout", "en"), ("verify_email", "de")):
            with pytest.raises(InvariantBroken):
                render(name, locale)  # type: ignore[arg-type]  # the mistake

    def test_its_bodies_are_not_printed(self) -> None:
        assert "planted" not in repr(rendered("verify_email", "en"))
