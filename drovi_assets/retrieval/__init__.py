"""Finding and answering: chunks into the index, hybrid search over it, and answers made of what was found.

``analysis`` turns text into terms, ``index`` writes them and vectors, ``search`` ranks, ``reading`` and ``question``
judge sentences, ``answer`` chooses or refuses, ``cite`` and ``place`` say where the words stand. What a caller may see
is decided by the database: the search functions carry the audience in their predicate, and everything joined to what
they return is under row-level security. No parsing, no extraction and no Dagster here.
"""
