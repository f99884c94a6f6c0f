"""``drovi up`` with the kill tests' definitions: ``python -m tests.integration.kill.up``."""

from __future__ import annotations

from drovi.platform import serve
from resources.settings import Settings

if __name__ == "__main__":
    serve(Settings.load(), definitions="tests.integration.kill.definitions")
