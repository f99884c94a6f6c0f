"""``python -m resources.settings`` prints the reference."""

from __future__ import annotations

import sys

from resources.settings.reference import render_reference

sys.stdout.write(render_reference())
