"""What a process loaded is not walked again."""

from __future__ import annotations

import gc

from resources.garbage import spare_what_is_loaded


def test_what_is_there_leaves_the_collections_and_what_comes_later_does_not() -> None:
    """A collection looks at what was made since, and frees what of it is garbage."""
    loaded = [object(), [1]]
    try:
        spare_what_is_loaded()
        later: list[object] = [loaded]
        watched = {id(one) for one in gc.get_objects()}
    finally:
        gc.unfreeze()
    assert id(later) in watched
    assert id(loaded) not in watched
