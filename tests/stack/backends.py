"""Stand-ins for service, Tempo, Loki and Prometheus that hold one request's telemetry."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from stack.journey import APP
from stack.settings import Settings

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
COST = "0.0000752"
USAGE = "usage recorded"


@dataclass
class Backends:
    """What each backend will show. `missing` names signals that never arrive."""

    missing: frozenset[str] = frozenset()
    status: int = 200
    counted: float = 7.52e-05
    asked: int = field(default=0)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        answer = web.StreamResponse(status=self.status, headers={"x-trace-id": TRACE_ID})
        answer.content_type = "text/event-stream"
        await answer.prepare(request)
        await answer.write(f": gaugeway-cost-usd={COST}\n\ndata: [DONE]\n\n".encode())
        return answer

    async def trace(self, request: web.Request) -> web.Response:
        if "span" in self.missing or request.match_info["id"] != TRACE_ID:
            return web.json_response({}, status=404)
        return web.json_response({"batches": [_batch()]})

    async def search(self, _: web.Request) -> web.Response:
        # Tempo leaves out leading zeros.
        found = [] if "search" in self.missing else [{"traceID": TRACE_ID.lstrip("0")}]
        return web.json_response({"traces": found})

    async def lines(self, _: web.Request) -> web.Response:
        values = [] if "log" in self.missing else [["1795256218426000000", USAGE]]
        fields = {"service_name": "gaugeway", "trace_id": TRACE_ID, "gaugeway_cost": COST}
        return web.json_response({"data": {"result": [{"stream": fields, "values": values}]}})

    async def query(self, request: web.Request) -> web.Response:
        name = request.query["query"].partition("{")[0]
        signal = "cost" if "cost" in name else "metric"
        labels = {"__name__": name, "gaugeway_app": APP, "gen_ai_request_model": "simulated"}
        before, after = (1.0, 1.0 + self.counted) if signal == "cost" else (4.0, 5.0)
        moved = self.asked > 0 and signal not in self.missing
        value = [1795256218.4, str(after if moved else before)]
        return web.json_response({"data": {"result": [{"metric": labels, "value": value}]}})

    async def exemplars(self, _: web.Request) -> web.Response:
        trace_id = "f" * 32 if "exemplar" in self.missing else TRACE_ID
        one = {"labels": {"trace_id": trace_id, "span_id": "1"}, "value": "0.13", "timestamp": 1}
        series = {"seriesLabels": {"gaugeway_app": APP}, "exemplars": [one]}
        return web.json_response({"data": [series]})


@asynccontextmanager
async def serving(backends: Backends, settings: Settings) -> AsyncGenerator[None]:
    """Serve all of it on the ports of `settings`."""
    routes: Mapping[str, list[web.RouteDef]] = {
        "service": [web.post("/v1/chat/completions", backends.chat)],
        "tempo": [
            web.get("/api/traces/{id}", backends.trace),
            web.get("/api/search", backends.search),
        ],
        "loki": [web.get("/loki/api/v1/query_range", backends.lines)],
        "prometheus": [
            web.get("/api/v1/query", backends.query),
            web.get("/api/v1/query_exemplars", backends.exemplars),
        ],
    }
    runners: list[web.AppRunner] = []
    for name, handlers in routes.items():
        app = web.Application()
        app.add_routes(handlers)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", getattr(settings.ports, name)).start()
        runners.append(runner)
    try:
        yield
    finally:
        for runner in runners:
            await runner.cleanup()


def _batch() -> dict[str, Any]:
    root = _span("1", "", "POST /v1/chat/completions", "SERVER", 1000, 2000)
    child = _span("2", "1", "chat simulated", "CLIENT", 1100, 1900)
    child["attributes"] = [
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "12"}},
        {"key": "gaugeway.cost", "value": {"stringValue": COST}},
        {
            "key": "gen_ai.response.finish_reasons",
            "value": {"arrayValue": {"values": [{"stringValue": "stop"}]}},
        },
    ]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "gaugeway"}}]}
    # Order as it arrives, not as it happened.
    return json.loads(json.dumps({"resource": resource, "scopeSpans": [{"spans": [child, root]}]}))


def _span(identity: str, parent: str, name: str, kind: str, start: int, end: int) -> dict[str, Any]:
    return {
        "spanId": identity,
        **({"parentSpanId": parent} if parent else {}),
        "name": name,
        "kind": f"SPAN_KIND_{kind}",
        "startTimeUnixNano": str(start * 1_000_000),
        "endTimeUnixNano": str(end * 1_000_000),
        "status": {},
    }
