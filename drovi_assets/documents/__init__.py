"""Files in, blocks and chunks out: everything that knows a file format lives in this room.

It holds the parsed-document model, one module per family of formats, the sandbox they run in, and the
chunker. It knows no database, tenant, connector or Dagster: bytes and a name go in, values come out.
"""
