"""A private Postgres for one ``DROVI_HOME``, from the binaries of a wheel: nothing to install, nothing left behind.

Who does what:

* :mod:`server` is the handle a Drovi process holds: start, join, stop, addresses;
* :mod:`guardian` is the small process that runs ``postgres``, restarts it when it crashes and ends it
  when nobody uses it any more;
* :mod:`folder` is what both see of the folder: locks, the port, the log;
* :mod:`binaries` finds the executables and the unprivileged user that runs them;
* :mod:`provision` makes the roles and databases.

Nothing here knows Drovi's tables; with ``DATABASE_URL`` set none of it is used.
"""

from __future__ import annotations

from resources.embedded_postgres.server import EmbeddedPostgres, connect_or_start

__all__ = ["EmbeddedPostgres", "connect_or_start"]
