"""Which language a text is in."""

from __future__ import annotations

import pytest

from drovi_assets.intelligence.language import language


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Je vous remercie de votre envoi.", "fr"),
        ("Thank you for the draft.", "en"),
        ("12/03/2026", ""),
        ("", ""),
        ("Très bien noté", "fr"),
    ],
)
def test_tells_french_from_english_and_admits_ignorance(text: str, expected: str) -> None:
    """Short texts are told by function words and accents; figures by nothing."""
    assert language(text) == expected
