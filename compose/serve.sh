#!/bin/sh
# Starts the service on PORT, which some platforms choose, or 8080. OpenTelemetry takes its headers
# from the environment alone, and a secret belongs in a file, so the token is put there at the last
# moment.
set -eu
if [ -n "${GAUGEWAY_OTLP_TOKEN_FILE:-}" ]; then
  token=$(cat "$GAUGEWAY_OTLP_TOKEN_FILE")
  export OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20$token"
fi
# Requests are spans and metrics; an access log would say each a third time. A worker that still starts
# on a busy machine is not hung: after 5 s, the default, it is killed, so that none ever comes up.
exec opentelemetry-instrument python -m service.server --factory service.app:create_app --host 0.0.0.0 --port "${PORT:-8080}" --no-access-log --timeout-worker-healthcheck 30 "$@"
