"""What a person sees in a browser: the API's reference and the lineage."""

from __future__ import annotations

from tests.e2e.conftest import Browser
from tests.platforms import Up


def test_the_api_reference_shows_every_operation(up: Up, browse: Browser) -> None:
    """Rendered by its scripts under its own content policy, with nothing from the internet."""
    page = browse(f"http://127.0.0.1:{up.api}/docs")
    for operation in (
        "/api/v1/auth/me",
        "/api/v1/connections",
        "/api/v1/ask",
        "/api/v1/evidence/{evidence_id}",
    ):
        assert f'data-path="{operation}"' in page


def test_the_lineage_shows_the_chain_of_each_connector(up: Up, browse: Browser) -> None:
    """Source items, records, documents, objects and index, as the Dagster UI draws them."""
    page = browse(f"http://127.0.0.1:{up.dagster}/locations/drovi/asset-groups/documents/lineage")
    for asset in ("source_items", "records", "documents", "objects", "index"):
        assert f">{asset}<" in page
