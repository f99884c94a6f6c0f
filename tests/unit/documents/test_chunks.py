"""Chunks are exact slices of the document, never across a page's end, never mixing whose words they are."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from drovi_assets.documents.chunks import TARGET_WORDS, chunk
from drovi_assets.documents.codec import decode, encode
from drovi_assets.documents.model import Attachment, Block, Page, ParsedDocument, Word
from drovi_assets.documents.text import clean

TEXTS = st.text(alphabet=st.sampled_from("ab. \né,;€𝔸"), min_size=1, max_size=1500).map(clean)
BLOCKS = st.builds(
    Block,
    kind=st.sampled_from(["title", "paragraph", "list_item", "table", "header", "footer", "other"]),
    text=TEXTS,
    page=st.sampled_from([None, 1, 2]),
    boxes=st.lists(st.tuples(*[st.floats(0, 900).map(lambda x: round(x, 2))] * 4), max_size=2).map(tuple),
    section=st.sampled_from(["", "Term", "Rent"]),
    words=st.lists(
        st.builds(Word, st.integers(0, 99), st.integers(0, 99), st.tuples(*[st.floats(0, 900)] * 4)),
        max_size=3,
    ).map(tuple),
)
DOCUMENTS = st.builds(
    ParsedDocument,
    media_type=st.just("text/plain"),
    blocks=st.lists(BLOCKS, max_size=8).map(tuple),
    pages=st.just((Page(1, 595.0, 842.0),)),
    title=TEXTS,
    warnings=st.lists(TEXTS, max_size=2).map(tuple),
    metadata=st.dictionaries(
        st.text("ab", min_size=1), st.one_of(TEXTS, st.lists(TEXTS, max_size=2)), max_size=3
    ),
    attachments=st.lists(
        st.builds(Attachment, st.text("ab"), st.just("x/y"), st.binary(max_size=50)), max_size=2
    ).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(DOCUMENTS)
def test_chunks_are_exact_ordered_and_whole(document: ParsedDocument) -> None:
    """They slice the text in order without overlap, each on one page, and only running lines may be left out."""
    text = document.text
    chunks = chunk(document)
    at = 0
    for ordinal, item in enumerate(chunks):
        assert item.ordinal == ordinal
        assert at <= item.start < item.end
        assert item.text == text[item.start : item.end]
        assert item.text.strip()
        at = item.end
        pages = {
            block.page
            for start, block in document.placed()
            if start < item.end and start + len(block.text) > item.start
        }
        assert item.page in pages
    kept = {position for item in chunks for position in range(item.start, item.end)}
    for start, block in document.placed():
        if block.kind not in {"header", "footer"}:
            assert all(
                position in kept
                for position in range(start, start + len(block.text))
                if not text[position].isspace()
            )


@settings(max_examples=60, deadline=None)
@given(DOCUMENTS)
def test_a_document_survives_its_encoding(document: ParsedDocument) -> None:
    """What the child sends is what the parent gets."""
    assert decode(encode(document)) == document


def _words(count: int, word: str = "word") -> str:
    return " ".join(f"{word}{n}{'.' if n % 12 == 11 else ''}" for n in range(count))


def test_small_blocks_of_a_section_are_merged_and_long_ones_cut_at_sentences() -> None:
    """About the target's size, each cut after a full stop."""
    document = ParsedDocument(
        "text/plain",
        (*[Block("paragraph", _words(60))] * 6, Block("paragraph", _words(700))),
    )
    chunks = chunk(document)
    assert all(len(item.text.split()) <= TARGET_WORDS * 4 // 3 for item in chunks)
    assert sum(len(item.text.split()) >= TARGET_WORDS // 2 for item in chunks) >= len(chunks) - 1
    assert [len(item.text.split()) for item in chunks[:2]] == [180, 180]
    assert all(item.text.endswith(".") for item in chunks[2:-1])


def test_a_heading_opens_the_chunk_of_what_it_heads() -> None:
    """Also when several follow one another; the chunk's section is the first of them."""
    blocks = (
        Block("title", "Lease"),
        Block("title", "Term", section="Lease"),
        Block("paragraph", "Two years.", section="Term"),
        Block("title", "Rent", section="Term"),
        Block("paragraph", "Due monthly.", section="Rent"),
    )
    assert [(item.text, item.section) for item in chunk(ParsedDocument("text/plain", blocks))] == [
        ("Lease\n\nTerm\n\nTwo years.", "Term"),
        ("Rent\n\nDue monthly.", "Rent"),
    ]


def test_running_headers_count_once_and_quoted_words_stand_apart() -> None:
    """Repetition proves nothing more; somebody else's words are marked."""
    blocks = (
        Block("header", "Martin & Co, page 1", 1),
        Block("paragraph", "One.", 1),
        Block("header", "Martin & Co, page 2", 2),
        Block("paragraph", "Two.", 2),
        Block("other", "Quoted.", 2),
    )
    chunks = chunk(ParsedDocument("application/pdf", blocks))
    assert [(item.text, item.page, item.quoted) for item in chunks] == [
        ("Martin & Co, page 1\n\nOne.", 1, False),
        ("Two.", 2, False),
        ("Quoted.", 2, True),
    ]
