"""Serves the metrics on a port of their own, where `OTEL_METRICS_EXPORTER` names `prometheus`."""

import logging
import os
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_logger = logging.getLogger("opentelemetry.gaugeway.scrape")


def serve(render: Callable[[], tuple[bytes, str]], host: str, port: int) -> bool:
    """Answer every GET with the metrics of all workers; say whether the port was free.

    The worker that gets the port answers for all of them.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, content_type = render()
            self.send_response(200)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep scrapes off the console."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        _logger.debug("Metrics are not served on %s:%d by %d: %s", host, port, os.getpid(), error)
        return False
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="otel-scrape", daemon=True).start()
    return True
