"""When alerts on the telemetry itself fire."""

from __future__ import annotations

from tests.rules.case import Case, pushed, scraped

DEV = {"deployment_environment_name": "dev"}
COLLECTOR = {"job": "collector", "instance": "collector:1"}
NOT_TAKEN = (
    "What it refuses comes again while its sender has room for it; what found a full queue or was "
    "given up after all retries is gone."
)
OVERFLOW = {
    "gaugeway_metric_name": "gaugeway.cost",
    "gaugeway_attribute_key": "gaugeway.app",
}


def up(values: str, **labels: str) -> dict[str, str]:
    return scraped("up", values, job="collector", **labels)


def collector(name: str, values: str, **labels: str) -> dict[str, str]:
    return scraped(f"otelcol_{name}", values, job="collector", **labels)


def queue(size: int, exporter: str = "otlp_http/loki") -> dict[str, str]:
    return {
        **collector("exporter_queue_size", f"{size}x100", exporter=exporter, data_type="logs"),
        **collector("exporter_queue_capacity", "1000x100", exporter=exporter, data_type="logs"),
    }


def heartbeat(values: str) -> dict[str, str]:
    return pushed(
        "gaugeway_telemetry_dropped_total",
        values,
        gaugeway_telemetry_signal="traces",
        error_type="queue_full",
    )


CASES = (
    Case(
        "CollectorDown",
        "not reached for a minute",
        up("1x20 0x100"),
        silent=("5m", "6m"),
        fires="6m15s",
        labels=COLLECTOR,
        summary="The Collector at collector:1 is down",
    ),
    Case(
        "CollectorDown",
        "Prometheus knows of none",
        {"up": "1x100"},
        silent=("45s",),
        fires="1m",
        labels={"job": "collector"},
        summary="The Collector is down",
    ),
    Case(
        "CollectorDown",
        "one failed scrape",
        up("1x20 0 1x100"),
        silent=("5m15s", "6m15s", "10m"),
    ),
    Case(
        "BackendDown",
        "Loki is not reached for a minute, Tempo is",
        {**scraped("up", "1x20 0x100", job="loki"), **scraped("up", "1x120", job="tempo")},
        silent=("5m", "6m"),
        fires="6m15s",
        labels={"job": "loki", "instance": "loki:1"},
        summary="loki at loki:1 is down",
    ),
    Case(
        "BackendDown",
        "one failed scrape, and what is none of the backends",
        {
            **scraped("up", "1x20 0 1x100", job="tempo"),
            **scraped("up", "0x120", job="collector"),
        },
        silent=("5m15s", "6m15s", "10m"),
    ),
    Case(
        "CollectorDroppingData",
        "a full queue, whose counter begins with what it lost",
        collector(
            "exporter_enqueue_failed_log_records_total", "_x20 512x60", exporter="otlp_http/loki"
        ),
        silent=("5m", "5m45s", "10m", "15m"),
        fires="6m",
        labels={**COLLECTOR, "exporter": "otlp_http/loki", "signal": "logs"},
        summary="The Collector at collector:1 loses logs for otlp_http/loki",
        description=f"In five minutes: 512. {NOT_TAKEN}",
    ),
    Case(
        "CollectorDroppingData",
        "a backend that did not take it after all retries",
        collector("exporter_send_failed_spans_total", "0x20 7x60", exporter="otlp_http/tempo"),
        silent=("6m",),
        fires="6m15s",
        labels={**COLLECTOR, "exporter": "otlp_http/tempo", "signal": "traces"},
        summary="The Collector at collector:1 loses traces for otlp_http/tempo",
        description=f"In five minutes: 7. {NOT_TAKEN}",
    ),
    Case(
        "CollectorDroppingData",
        "its memory is short",
        collector("receiver_refused_metric_points_total", "0x20 9x60", receiver="otlp"),
        silent=("6m",),
        fires="6m15s",
        labels={**COLLECTOR, "receiver": "otlp", "signal": "metrics"},
        summary="The Collector at collector:1 refuses metrics from otlp",
        description=f"In five minutes: 9. {NOT_TAKEN}",
    ),
    Case(
        "CollectorDroppingData",
        "all is delivered",
        {
            **collector("exporter_send_failed_spans_total", "0x100", exporter="otlp_http/tempo"),
            **collector("exporter_sent_spans_total", "0+100x100", exporter="otlp_http/tempo"),
            **collector("receiver_refused_spans_total", "3x100", receiver="otlp"),
        },
        silent=("15m", "20m"),
    ),
    Case(
        "CollectorQueueFilling",
        "more than half full for five minutes",
        {**queue(501), **queue(500, "otlp_http/tempo")},
        silent=("4m45s",),
        fires="5m",
        labels={**COLLECTOR, "exporter": "otlp_http/loki", "data_type": "logs"},
        summary="The Collector's queue for otlp_http/loki is 50.1% full",
    ),
    Case(
        "CollectorQueueFilling",
        "half full",
        queue(500),
        silent=("5m", "20m"),
    ),
    Case(
        "TelemetryStale",
        "nothing new for five minutes, and remembered for hours",
        heartbeat("0x20"),
        silent=("5m", "10m", "12m"),
        fires="12m15s",
        labels={**DEV, "service_name": "gaugeway"},
        summary="No metrics of gaugeway in dev for 7m 15s",
    ),
    Case(
        "TelemetryStale",
        "three hours later",
        heartbeat("0x20"),
        fires="3h5m",
        labels={**DEV, "service_name": "gaugeway"},
        summary="No metrics of gaugeway in dev for 3h 0m 0s",
    ),
    Case(
        "TelemetryStale",
        "a gap of four minutes, without any traffic",
        heartbeat("0x20 _x16 0x100"),
        silent=("9m", "10m15s", "15m"),
    ),
    Case(
        "TelemetryStale",
        "a Prometheus that was away for six minutes and is still to get what was held back",
        heartbeat("0x20 _x24 0x100"),
        silent=("10m15s", "11m", "12m15s", "15m"),
    ),
    Case(
        "TelemetryStale",
        "one worker ends, another goes on",
        {
            **heartbeat("0x20"),
            **pushed(
                "gaugeway_telemetry_dropped_total",
                "0x200",
                gaugeway_telemetry_signal="traces",
                error_type="queue_full",
                service_instance_id="worker-2",
                instance="worker-2",
            ),
        },
        silent=("12m15s", "30m"),
    ),
    Case(
        "CardinalityOverflow",
        "the first measurement that lost its label",
        pushed("gaugeway_cardinality_overflow_total", "_x20 1x400", **OVERFLOW),
        silent=("4m45s", "1h5m"),
        fires="5m",
        labels={**DEV, **OVERFLOW},
        summary="gaugeway.app of gaugeway.cost has too many values in dev",
        description="Measurements of the last hour that have `_OTHER` in place of a value, or "
        "lost a label that is not declared: 1.",
    ),
    Case(
        "CardinalityOverflow",
        "one long ago, whose counter comes back after an outage of the telemetry",
        pushed("gaugeway_cardinality_overflow_total", "1x300 _x40 1x100", **OVERFLOW),
        silent=("1h15m", "1h25m", "1h30m"),
    ),
    Case(
        "LedgerLosingEntries",
        "the first entry that a full journal did not take",
        pushed("gaugeway_ledger_dropped_total", "_x20 1x100", error_type="journal_full"),
        silent=("4m45s", "20m"),
        fires="5m",
        labels={**DEV, "error_type": "journal_full"},
        summary="The usage ledger loses entries in dev: journal_full",
        description="Requests of the last 15 minutes that no ledger has: 1. Usage, cost and "
        "budgets lack them for good; the usage records in Loki have them.",
    ),
    Case(
        "WorkerLost",
        "the first worker that was killed",
        pushed("gaugeway_workers_lost_total", "_x20 1x100"),
        silent=("4m45s", "20m"),
        fires="5m",
        labels=DEV,
        summary="Workers of the service in dev were killed: 1",
        description="In the last 15 minutes, without having ended: by `kill -9`, for want of "
        "memory, or with their machine. Their requests broke off, and what these used is in the "
        "ledger and in budgets as estimated.",
    ),
    Case(
        "WorkerLost",
        "none killed since a long time",
        pushed("gaugeway_workers_lost_total", "3x100"),
        silent=("16m", "20m"),
    ),
    Case(
        "LedgerLosingEntries",
        "none lost, however many wait",
        pushed("gaugeway_ledger_pending", "0+10x100"),
        silent=("5m", "20m"),
    ),
    Case(
        "LedgerPending",
        "one entry of one of two workers for five minutes",
        {
            **pushed("gaugeway_ledger_pending", "0x20 1x100"),
            **pushed("gaugeway_ledger_pending", "0x120", instance="worker-2"),
        },
        silent=("5m15s", "10m"),
        fires="10m15s",
        labels=DEV,
        summary="Usage entries wait on disk in dev: 1",
    ),
    Case(
        "LedgerPending",
        "an outage of less, after which they are in Redis",
        pushed("gaugeway_ledger_pending", "0x20 500x19 0x100"),
        silent=("5m15s", "10m", "11m", "20m"),
    ),
    Case(
        "LedgerPending",
        "of a worker that ended with some, which another applies",
        pushed("gaugeway_ledger_pending", "0x4 7x8 _x100"),
        silent=("2m", "6m", "20m"),
    ),
)
