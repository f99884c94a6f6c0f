"""Documentation that cannot drift: the generated reference is what the code would generate now."""

from __future__ import annotations

import re

import pytest

from tests.conftest import REPOSITORY
from tools.reference import PAGES, REFERENCE


@pytest.mark.parametrize("page", PAGES)
def test_the_reference_is_current(page: str) -> None:
    """``make docs`` would change nothing."""
    assert (REFERENCE / page).read_text(encoding="utf-8") == PAGES[page]()


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link in the README and the docs names a file that is there."""
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
    link = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in link.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_the_readme_names_every_make_target_it_should() -> None:
    """The commands that always work are in the README."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for target in ("make demo", "make up", "make test", "make check", "make bench", "make setup"):
        assert target in readme
