"""The firm of the compliance tests: an organisation with sources, and its chores worked to their end."""

from __future__ import annotations

from tests.integration.compliance.conftest import Firm, firm, neighbour
from tests.integration.pipeline.conftest import folder, sandbox

__all__ = ["Firm", "firm", "folder", "neighbour", "sandbox"]
