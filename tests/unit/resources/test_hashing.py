"""Hashes and derived ids: the same for the same, different for the different, on every replay."""

from __future__ import annotations

import uuid
from datetime import UTC

from hypothesis import given, settings
from hypothesis import strategies as st

from resources.clock import SystemClock, now
from resources.hashing import content_digest, derive_id, digest

part = st.one_of(st.binary(max_size=20), st.text(max_size=20))


@settings(deadline=None)
@given(st.lists(part, max_size=5), st.lists(part, max_size=5))
def test_different_parts_have_different_hashes(first: list[bytes | str], second: list[bytes | str]) -> None:
    """Also where the joined bytes are the same; text and its UTF-8 are the same part."""

    def as_bytes(parts: list[bytes | str]) -> list[bytes]:
        return [each.encode() if isinstance(each, str) else each for each in parts]

    same = as_bytes(first) == as_bytes(second)
    assert (digest(*first) == digest(*second)) == same
    assert (derive_id(*first) == derive_id(*second)) == same


def test_a_boundary_counts() -> None:
    assert digest("ab", "c") != digest("a", "bc") != digest("abc")
    assert digest() != digest("")


def test_the_values_never_change() -> None:
    """They are stored: another algorithm would give every object a new identity."""
    assert (
        digest("drovi", b"\x00").hex() == "decaf06b33ef392dd6be03c570a0e2263051ea4c5906d6744094dc2bddaba18e"
    )
    assert derive_id("drovi") == uuid.UUID("59fed40c-45bd-8b83-8eb1-b9a5c41ecac2")


@settings(deadline=None)
@given(st.lists(part, max_size=3))
def test_a_derived_id_is_a_version_8_uuid(parts: list[bytes | str]) -> None:
    derived = derive_id(*parts)
    assert derived.version == 8
    assert derived.variant == uuid.RFC_4122


def test_a_contents_digest_is_what_sha256sum_prints() -> None:
    assert content_digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_clock_is_aware_and_in_utc() -> None:
    assert now().tzinfo is UTC
    assert SystemClock().now().tzinfo is UTC
