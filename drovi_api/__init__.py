"""The REST API: thin faces on retrieval and on the database, for people, products and agents.

What belongs here: routing, authentication, problem documents, pagination and the shapes of requests and
responses. What does not: anything that outlives a request (that becomes a ``job`` row), and Dagster, which
is never imported here.
"""
