"""What the daemon asks for again and again: live syncs, job rows, and what was left lying.

Three sensors that loop over connections, never one a connection: a tick costs 0.14 CPU-seconds whatever it does. Work
that fits a tick is done inside it; what does not becomes a job row, and that becomes a run. ``budget`` and
``cursors`` are pure.
"""
