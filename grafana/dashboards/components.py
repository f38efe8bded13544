"""The metrics of other components that panels read: the allow-list beside `otel.names`.

A query may use a name of `otel.names` or one of these; a test refuses any other.
"""

from typing import Final

from otel.names import Kind, Metric

# By the Collector's httpcheck receiver: 1 for the class of the answer, 0 for the others.
HTTPCHECK_STATUS: Final = Metric(
    "httpcheck.status",
    Kind.UP_DOWN_COUNTER,
    "1",
    "Whether a checked endpoint answered with this class of status.",
    ("http.url", "http.method", "http.status_class", "http.status_code"),
    foreign=True,
)

ALL: Final = (HTTPCHECK_STATUS,)
