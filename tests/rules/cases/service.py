"""When alerts on the service, its memory and its Redis fire."""

from __future__ import annotations

from tests.rules.case import COLLECTOR, Case, collected, pushed

DEV = {"deployment_environment_name": "dev"}
URL = "http://127.0.0.1:8080/healthz"
WORKER = {**DEV, "service_name": "gaugeway", "service_instance_id": "worker-1"}
HALF_GIBIBYTE = 512 * 2**20


def checked(status_class: str, values: str, status: str = "", url: str = URL) -> dict[str, str]:
    """The outside check: the good answer's series has its code, all others are 0 without one."""
    code = {"http_status_code": status} if status else {}
    labels = {"http_url": url, "http_method": "GET", "http_status_class": status_class, **code}
    return collected("httpcheck_status", values, **labels)


def redis(values: str, worker: str = "worker-1") -> dict[str, str]:
    return pushed(
        "gaugeway_dependency_up",
        values,
        gaugeway_dependency_name="redis",
        service_instance_id=worker,
        instance=worker,
    )


def task(values: str, worker: str = "worker-1", name: str = "keys file") -> dict[str, str]:
    return pushed(
        "gaugeway_background_task_up",
        values,
        gaugeway_background_task_name=name,
        service_instance_id=worker,
        instance=worker,
    )


def redis_memory(used: int, allowed: int) -> dict[str, str]:
    return {
        **collected("redis_memory_used_bytes", f"{used}x100"),
        **collected("redis_maxmemory_bytes", f"{allowed}x100"),
    }


CASES = (
    Case(
        "ServiceDown",
        "up for five minutes, then no answer",
        {
            **checked("2xx", "1x20", "200"),
            **checked("2xx", "_x21 0x200"),
            **checked("5xx", "0x220"),
        },
        silent=("5m", "6m"),
        fires="6m15s",
        labels={**DEV, "http_url": URL},
        summary=f"The service at {URL} in dev is down",
    ),
    Case(
        "ServiceDown",
        "never up, and one beside it that is",
        {
            **checked("2xx", "0x200"),
            **checked("5xx", "0x200"),
            **checked("2xx", "1x200", "200", "http://other:8080/healthz"),
        },
        silent=("45s",),
        fires="1m",
        labels={**DEV, "http_url": URL},
        summary=f"The service at {URL} in dev is down",
    ),
    Case(
        "ServiceDown",
        "an answer that is a 503",
        {**checked("2xx", "0x200"), **checked("5xx", "1x200", "503")},
        silent=("45s",),
        fires="1m",
        labels={**DEV, "http_url": URL},
        summary=f"The service at {URL} in dev is down",
    ),
    Case(
        "ServiceDown",
        "up, then a restart of 45 s",
        {
            **checked("2xx", "1x20 _x3 1x100", "200"),
            **checked("2xx", "_x21 0x2 _x100"),
            **checked("5xx", "0x200"),
        },
        silent=("5m45s", "6m15s", "7m", "10m"),
    ),
    Case(
        "ServiceDown",
        "nobody checks any more: the Collector is down, which is another alert",
        {**checked("2xx", "1x20", "200"), **checked("5xx", "0x20")},
        silent=("6m", "8m", "10m", "20m"),
    ),
    Case(
        "RedisDown",
        "one of two workers cannot reach it",
        {**redis("1x20 0x100"), **redis("1x120", "worker-2")},
        silent=("5m15s", "6m"),
        fires="6m15s",
        labels=DEV,
        summary="Redis of dev does not answer",
    ),
    Case(
        "RedisDown",
        "a blink, and a worker that ended in it",
        {**redis("1x20 0 _x100"), **redis("1x20 0x2 1x100", "worker-2")},
        silent=("5m15s", "6m", "7m45s", "9m"),
    ),
    Case(
        "RedisDown",
        "another dependency is down",
        pushed("gaugeway_dependency_up", "0x100", gaugeway_dependency_name="target:gpt-4o"),
        silent=("1m", "10m"),
    ),
    Case(
        "BackgroundTaskFailing",
        "one of two workers cannot read the keys file",
        {**task("1x20 0x100"), **task("1x120", "worker-2"), **task("1x120", name="usage ledger")},
        silent=("5m15s", "6m"),
        fires="6m15s",
        labels={**DEV, "gaugeway_background_task_name": "keys file"},
        summary="keys file: the service in dev cannot get on with it",
    ),
    Case(
        "BackgroundTaskFailing",
        "a file that is being written, and a worker that ended meanwhile",
        {**task("1x20 0 _x100"), **task("1x20 0x2 1x100", "worker-2")},
        silent=("5m15s", "6m", "7m45s", "9m"),
    ),
    Case(
        "BackgroundTaskFailing",
        "no service",
        {},
        silent=("1m", "10m"),
    ),
    Case(
        "RedisMemoryHigh",
        "81 of 100",
        redis_memory(81, 100),
        silent=("4m45s",),
        fires="5m",
        labels={**DEV, "service_instance_id": COLLECTOR["service_instance_id"]},
        summary="Redis of dev uses 81% of its memory",
    ),
    Case(
        "RedisMemoryHigh",
        "80 of 100",
        redis_memory(80, 100),
        silent=("5m", "20m"),
    ),
    Case(
        "RedisMemoryHigh",
        "no limit",
        redis_memory(10**9, 0),
        silent=("5m", "20m"),
    ),
    Case(
        "HighMemory",
        "more than 512 MiB for ten minutes, in one of two workers",
        {
            **pushed("process_memory_usage_bytes", f"{HALF_GIBIBYTE + 2**20}x100"),
            **pushed(
                "process_memory_usage_bytes",
                "100000000x100",
                service_instance_id="worker-2",
                instance="worker-2",
            ),
        },
        silent=("9m45s",),
        fires="10m",
        labels=WORKER,
        summary="A process of gaugeway in dev holds 513MiB",
        description="Process worker-1 has been above 512 MiB for ten minutes.",
    ),
    Case(
        "HighMemory",
        "just 512 MiB",
        pushed("process_memory_usage_bytes", f"{HALF_GIBIBYTE}x100"),
        silent=("10m", "20m"),
    ),
)
