"""The metrics of the application as Prometheus text, those of all its workers together."""

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4


def render() -> tuple[bytes, str]:
    """Return the text and its content type; empty where telemetry was not set up.

    Every series has the label `service_instance_id`, by which workers differ. It blocks while
    metrics are collected and written: call it from a thread, never on the event loop.
    """
    from otel.bootstrap import setup

    handle = setup.current()
    text = b"" if handle is None or handle.workers is None else handle.workers.render_all()
    return text, CONTENT_TYPE_PLAIN_0_0_4
