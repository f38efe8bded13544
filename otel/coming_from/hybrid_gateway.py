"""A gateway to local and cloud models."""

from typing import Final

from otel.coming_from.homes import CALLS, HTTP_P95, NO_ROUTING, P95_BY_MODEL, p95
from otel.coming_from.row import Application, row

HYBRID_GATEWAY: Final = Application(
    "A gateway to local and cloud models",
    (
        row(
            "`api_gateway_requests_total{model,backend,status,complexity}`",
            query="sum by (gen_ai_request_model, gen_ai_provider_name, error_type)"
            f" ({CALLS}_count)",
            note="The complexity comes with routing.",
        ),
        row("`api_gateway_request_duration_seconds`", query=HTTP_P95),
        row("`api_gateway_requests_in_progress`", query="sum(http_server_active_requests)"),
        row(
            "`api_gateway_cost_total{model}`",
            query="sum by (gen_ai_request_model) (gaugeway_cost_total)",
        ),
        row(
            "`api_gateway_cost_per_request`",
            query="sum by (gen_ai_request_model) (increase(gaugeway_cost_total[1h]))"
            f" / sum by (gen_ai_request_model) (increase({CALLS}_count[1h]))",
        ),
        row("`api_gateway_model_latency_seconds`", query=P95_BY_MODEL),
        row(
            "`api_gateway_routing_latency_seconds`",
            query=p95("gaugeway_gateway_duration_seconds"),
            note="All that the gateway does itself; routing apart is not built yet.",
        ),
        row(
            "`api_gateway_health`",
            query='max by (http_url) (httpcheck_status{http_status_class="2xx"})',
        ),
        row("`ollama_models_loaded`", note=NO_ROUTING),
        row(
            "`node_cpu_seconds_total`",
            query="sum by (state) (rate(system_cpu_time_seconds_total[5m]))",
        ),
        row("`node_memory_*`", query="sum by (state) (system_memory_usage_bytes)"),
        row(
            "`node_filesystem_*`",
            query="sum by (mountpoint, state) (system_filesystem_usage_bytes)",
        ),
        row("`node_disk_*`", query="sum by (direction) (rate(system_disk_io_bytes_total[5m]))"),
        row(
            "`node_network_*`", query="sum by (direction) (rate(system_network_io_bytes_total[5m]))"
        ),
        row("`node_load1`", query="max(system_cpu_load_average_1m)"),
        row("7 panels", note='Dashboards "GenAI overview" and "Host and runtime".'),
        row("`HighAPICosts`", alerts=("HighAPICosts",)),
        row("`HighErrorRate`", alerts=("HighErrorRate",)),
        row("`SlowResponses`", alerts=("SlowResponses",)),
        row(
            "`OllamaDown`",
            query="min by (gaugeway_dependency_name)"
            ' (gaugeway_dependency_up{gaugeway_dependency_name=~"target:.+"})',
            alerts=("ProviderFailures",),
            note="An alert on local models alone comes with routing.",
        ),
        row(
            "`ExcessiveCloudUsage`",
            "`LowLocalRouting`",
            query=f"sum by (gen_ai_provider_name) (increase({CALLS}_count[1h]))"
            f" / scalar(sum(increase({CALLS}_count[1h])))",
            note="The share of each provider. Not built yet: the alerts, which come with routing.",
        ),
        row(
            "Slack and e-mail by severity",
            note="Alertmanager's routes: [deployment](deployment.md).",
        ),
        row(
            "logs of containers, n8n, Taskwarrior",
            note="[Log drains](deployment.md#log-drains) bring them to Loki.",
        ),
        row(
            "30 days or 10 GB kept",
            note="`GAUGEWAY_PROMETHEUS_RETENTION`, `GAUGEWAY_PROMETHEUS_RETENTION_SIZE`.",
        ),
        row("backups", note="[Backup](deployment.md#backup)."),
        row("profiling with py-spy", note="[`gaugeway profile`](runbooks/SlowResponses.md)."),
    ),
)
