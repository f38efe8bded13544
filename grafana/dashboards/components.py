"""The few metrics that panels read and nobody of ours records: the allow-list of component metrics.

A query may use a name of `otel.names` or one of these; a test refuses any other.
"""

from typing import Final

from otel import attributes
from otel.names import HTTP_BUCKETS, Kind, Metric

_SERVER_ATTRIBUTES: Final = (
    attributes.HTTP_METHOD,
    attributes.HTTP_ROUTE,
    attributes.HTTP_STATUS_CODE,
    attributes.URL_SCHEME,
    attributes.ERROR_TYPE,
)

# By the FastAPI instrumentation, stable HTTP conventions.
HTTP_SERVER_DURATION: Final = Metric(
    "http.server.request.duration",
    Kind.HISTOGRAM,
    "s",
    "How long the service took to answer.",
    _SERVER_ATTRIBUTES,
    HTTP_BUCKETS,
    foreign=True,
)
HTTP_SERVER_ACTIVE: Final = Metric(
    "http.server.active_requests",
    Kind.UP_DOWN_COUNTER,
    "{request}",
    "Requests being answered.",
    (attributes.HTTP_METHOD, attributes.URL_SCHEME),
    foreign=True,
)

# By the Collector's httpcheck receiver: 1 for the class of the answer, 0 for the others.
HTTPCHECK_STATUS: Final = Metric(
    "httpcheck.status",
    Kind.UP_DOWN_COUNTER,
    "1",
    "Whether a checked endpoint answered with this class of status.",
    ("http.url", "http.method", "http.status_class", "http.status_code"),
    foreign=True,
)

ALL: Final = (HTTP_SERVER_DURATION, HTTP_SERVER_ACTIVE, HTTPCHECK_STATUS)
