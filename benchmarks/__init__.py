"""Our speed beside a peer's on the same work, in the same run, per CPU-second: ``python -m benchmarks NAME --json``.

One module a benchmark, each with ``run(n)`` that yields a row per peer. A ratio above 1 means that we are better.
"""
