"""The asset graph, and the plain code that its assets run.

``assets``, ``checks``, ``jobs`` and ``schedules`` are thin Dagster faces; everything from ``pipeline`` down is
plain Python that a sensor's tick, a run, the command line and a test call alike.
"""
