"""A connection that cannot work says which field, never which value."""

from __future__ import annotations

import pytest

from drovi_assets.connectors.registry import CONNECTORS, spec_of
from resources.errors import NotConfigured, NotFound


def test_an_unknown_connector_is_not_found() -> None:
    """With the ones there are."""
    with pytest.raises(NotFound, match="documents, feed, postgres"):
        spec_of("fax")


def test_a_missing_field_is_named_and_no_value_is_shown() -> None:
    """The message reaches the API and logs; a value might be a secret in the wrong field."""
    with pytest.raises(NotConfigured) as caught:
        CONNECTORS["postgres"].checked({"host": "h", "port": "hunter2", "database": "d", "tables": []})
    assert "user" in str(caught.value)
    assert "port" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_missing_secret_is_named() -> None:
    """Not configured, with what to enter."""
    config = {"host": "h", "database": "d", "user": "u", "tables": [{"table": "t"}]}
    with pytest.raises(NotConfigured, match="no password was given"):
        CONNECTORS["postgres"].connect(config, {})


CONFIGS = {
    "documents": {"path": "/srv/files"},
    "feed": {},
    "postgres": {
        "host": "h",
        "database": "d",
        "user": "u",
        "tables": [{"table": "note", "updated_at": "at"}, {"table": "colour"}],
    },
}
STREAMS = {
    "documents": {"files": True},
    "feed": {"pushed": False},
    "postgres": {"public.note": True, "public.colour": False},
}


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_its_streams_are_known_from_the_configuration(name: str) -> None:
    """Without a call or a secret; and whether their history is cut by time."""
    streams = CONNECTORS[name].streams(CONFIGS[name])
    assert {stream.name: stream.dated for stream in streams} == STREAMS[name]


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_every_connector_goes_by_its_own_name(name: str) -> None:
    """The key is what connections store."""
    assert CONNECTORS[name].name == name
