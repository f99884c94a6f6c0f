"""Consumers of the event log: what becomes of an event, how far each group is, and what happens to one that fails.

``contract`` is what a consumer is and ``registry`` names them all; ``consume`` takes one partition a batch further and
``rounds`` does so fairly for all of them; ``dead_letters`` looks after what was given up. No Dagster here: a sensor's tick, a run
over a range and a command are faces of the same step.
"""
