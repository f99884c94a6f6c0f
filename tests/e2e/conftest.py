"""A platform and a real browser."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable

import pytest

from tests.integration.platform.conftest import up  # noqa: F401 - the fixture

Browser = Callable[[str], str]

# Without these, Chromium looks up hosts of its maker's at every start.
_QUIET = (
    "--disable-background-networking --disable-component-update --disable-sync --disable-quic --no-first-run"
)


@pytest.fixture(scope="session")
def browse() -> Browser:
    """The text of a page once its scripts have run."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed: `make setup` installs it where it runs as root")

    def page(url: str) -> str:
        with tempfile.TemporaryDirectory() as profile:
            arguments = ["--headless", "--no-sandbox", "--disable-gpu", *_QUIET.split()]
            arguments += [f"--user-data-dir={profile}", "--virtual-time-budget=20000", "--dump-dom", url]
            done = subprocess.run(
                [chromium, *arguments], capture_output=True, text=True, timeout=120, check=True
            )
            return done.stdout

    return page
