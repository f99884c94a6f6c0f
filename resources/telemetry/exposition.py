"""A port for Prometheus in a process that serves nothing else."""

from __future__ import annotations

import prometheus_client

from resources.telemetry.logs import get_logger
from resources.telemetry.metrics import metrics

_log = get_logger(__name__)


def serve_metrics(host: str, port: int) -> bool:
    """Answer with this process's metrics on a thread, to the end of the process; false where the port is taken.

    That is logged and no more: work goes on without being watched.
    """
    try:
        prometheus_client.start_http_server(port, host, registry=metrics.registry)
    except OSError as error:
        _log.warning("metrics are not served", port=port, error=str(error))
        return False
    return True
