"""Small background work that needs no run: done inside a tick, in slices, each job resumable where the last stopped.

What belongs here works on rows and files and ends in minutes: re-scoping a source, exports, erasures, letters. What
reads sources or derives from them is ``automation``; what needs hours is a run. No Dagster here either.
"""
