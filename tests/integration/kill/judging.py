"""The judge: what the platform holds of a source, against the source's own ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.integration.kill.sources import Source

Query = Callable[[str, Sequence[Any]], list[tuple]]

_HELD = """
SELECT i.provider_id, i.payload, i.blob, i.processed_at IS NOT NULL,
       (SELECT count(*) FROM record r WHERE r.source_item_id = i.id AND r.superseded_at IS NULL),
       count(DISTINCT d.id), count(DISTINCT c.id), count(DISTINCT x.chunk_id), count(DISTINCT o.id),
       count(DISTINCT o.text), count(DISTINCT e.id)
FROM source_item i
LEFT JOIN record r ON r.source_item_id = i.id AND r.superseded_at IS NULL
LEFT JOIN document d ON d.record_id = r.id AND d.superseded_at IS NULL
LEFT JOIN chunk c ON c.document_id = d.id
LEFT JOIN chunk_index x ON x.chunk_id = c.id
LEFT JOIN intelligence_object o ON o.document_id = d.id AND o.superseded_at IS NULL
LEFT JOIN evidence e ON e.object_id = o.id
WHERE i.connection_id = %s AND i.superseded_at IS NULL
GROUP BY i.id
"""
_LEFT_BEHIND = """
SELECT count(*) FROM record r
LEFT JOIN source_item i ON i.id = r.source_item_id AND i.superseded_at IS NULL
WHERE r.connection_id = %s AND r.superseded_at IS NULL AND i.id IS NULL
"""
_MISCOUNTED = """
SELECT coalesce((SELECT sum(chunks) FROM chunk_stat), 0) - (SELECT count(*) FROM chunk_index)
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Items, and how many of them are lost (missing, of an old version, not wholly derived) or doubled.

    Doubled is also what is gone at the source and still held here.
    """

    items: int
    lost: int
    doubled: int
    blamed: tuple[str, ...] = ()
    """Some of them, with why."""
    shape: tuple[int, ...] = ()
    """Records, documents, chunks, indexed chunks, objects, their texts and evidence of an item, as most have them."""


def judge(query: Query, source: Source) -> Verdict:
    """One source."""
    truth = source.truth()
    rows = query(_HELD, [source.connection_id])
    held = Counter(row[0] for row in rows)
    shapes = {row[0]: tuple(row[4:]) for row in rows if row[3]}
    usual = Counter(shapes.values()).most_common(1)[0][0] if shapes else ()
    current = {row[0]: source.content(row[1], row[2]) for row in rows}
    lost = dict.fromkeys(truth.keys() - held.keys(), "missing")
    lost |= {name: "an old version" for name in truth.keys() & held.keys() if current[name] != truth[name]}
    lost |= dict.fromkeys(held.keys() - shapes.keys(), "not derived")
    lost |= {name: f"{shape}" for name, shape in shapes.items() if _any_less(shape, usual)}
    doubled = {name: f"{count} versions" for name, count in held.items() if count > 1}
    doubled |= dict.fromkeys(held.keys() - truth.keys(), "gone at the source")
    doubled |= {name: f"{shape}" for name, shape in shapes.items() if _any_less(usual, shape)}
    ((left_behind,),) = query(_LEFT_BEHIND, [source.connection_id])
    blamed = tuple(f"{source.name}/{name}: {why}" for name, why in list((lost | doubled).items())[:5])
    return Verdict(len(truth), len(lost), len(doubled) + left_behind, blamed, usual)


def _any_less(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return any(one < than for one, than in zip(shape, other, strict=True))


def miscounted(query: Query) -> int:
    """How far the ranking's statistics are from the chunks that are indexed."""
    ((difference,),) = query(_MISCOUNTED, [])
    return int(difference)
