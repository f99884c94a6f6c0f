"""Sources in: the connector contract, the registry, the runner that lands pages, and one module a provider.

A connector knows its provider and nothing else: no tenant, database or Dagster. The runner knows how to make
what a connector yields durable: one transaction a page, under a lease with fencing.
"""
