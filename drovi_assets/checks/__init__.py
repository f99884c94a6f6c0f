"""Asset checks: what must hold of derived rows, how good the intelligence is, and what failed and still stands.

``expectations`` says what must hold, as data; ``rows`` fetches what it is said of; ``validation`` has Great
Expectations judge it; ``connectors`` are the Dagster faces.
"""
