"""Asks backends as Grafana does, and says how much they answered."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, cast

import aiohttp

from cli.proving.dashboards import Question, Variable
from grafana.dashboards.variable_values import TimeRange, filled, step_of

Json = dict[str, Any]
_SECONDS = 30.0
_LABEL_VALUES = re.compile(r"\Alabel_values\((?:(?P<metric>.+),\s*)?(?P<label>\w+)\)")


class RefusedError(RuntimeError):
    """A backend did not understand what it was asked, or did not answer; the message says what."""


class Backends:
    """Prometheus, Loki and Tempo of one stack, by their addresses."""

    def __init__(self, session: aiohttp.ClientSession, urls: Mapping[str, str]):
        self._session = session
        self._urls = urls

    async def rows(
        self, question: Question, shown: TimeRange, variables: Mapping[str, str]
    ) -> list[Json]:
        """Return what a question is answered with: series that hold a number, or streams of lines.

        Raises `RefusedError`.
        """
        step = step_of(shown, question.interval)
        query = filled(question.expression, shown, step, variables)
        prefix = "/loki" if question.backend == "loki" else ""
        if question.instant:
            parameters = {"query": query, "time": f"{shown.end:.3f}"}
            answer = await self._get(question.backend, f"{prefix}/api/v1/query", parameters)
        else:
            # Grafana asks Prometheus for whole multiples of the step, the last before now.
            aligned = step if question.backend == "prometheus" else 0
            parameters = {
                "query": query,
                "start": f"{_floored(shown.start, aligned):.3f}",
                "end": f"{_floored(shown.end, aligned):.3f}",
                "step": str(step),
            }
            if question.lines:
                parameters["limit"] = str(question.lines)
            answer = await self._get(question.backend, f"{prefix}/api/v1/query_range", parameters)
        return [row for row in cast("list[Json]", answer["data"]["result"]) if _holds_data(row)]

    async def exemplars(
        self, question: Question, shown: TimeRange, variables: Mapping[str, str]
    ) -> list[str]:
        """Return the trace ids of the exemplars behind a question; raises `RefusedError`."""
        step = step_of(shown, question.interval)
        parameters = {
            "query": filled(question.expression, shown, step, variables),
            "start": f"{shown.start:.3f}",
            "end": f"{shown.end:.3f}",
        }
        answer = await self._get("prometheus", "/api/v1/query_exemplars", parameters)
        return [
            str(exemplar["labels"]["trace_id"])
            for series in answer["data"]
            for exemplar in series["exemplars"]
            if "trace_id" in exemplar["labels"]
        ]

    async def values(
        self, variable: Variable, shown: TimeRange, variables: Mapping[str, str]
    ) -> list[str]:
        """Return what a variable offers; raises `RefusedError`."""
        query = filled(variable.query, shown, step_of(shown), variables)
        if not (found := _LABEL_VALUES.fullmatch(query)):
            raise RefusedError(f"{query!r} is no label_values(…), which is all that is understood")
        parameters = {"start": f"{shown.start:.3f}", "end": f"{shown.end:.3f}"}
        if found["metric"]:
            parameters["match[]"] = found["metric"]
        path = f"/api/v1/label/{found['label']}/values"
        answer = await self._get(variable.backend, path, parameters)
        return [str(value) for value in answer["data"]]

    async def lines(self, logql: str, shown: TimeRange) -> int:
        """Return how many streams of lines a LogQL query finds; raises `RefusedError`."""
        parameters = {
            "query": logql,
            "start": f"{shown.start:.3f}",
            "end": f"{shown.end:.3f}",
            "limit": "20",
        }
        answer = await self._get("loki", "/loki/api/v1/query_range", parameters)
        return len(answer["data"]["result"])

    async def traces(self, traceql: str, shown: TimeRange) -> int:
        """Return how many traces a TraceQL query finds; raises `RefusedError`."""
        parameters = {
            "q": traceql,
            "start": str(int(shown.start)),
            "end": str(int(shown.end) + 1),
        }
        answer = await self._get("tempo", "/api/search", parameters)
        return len(answer.get("traces") or ())

    async def spans(self, trace_id: str, shown: TimeRange) -> int:
        """Return how many spans a trace has, 0 where there is none; raises `RefusedError`."""
        parameters = {"start": str(int(shown.start)), "end": str(int(shown.end) + 1)}
        path = f"/api/traces/{trace_id.zfill(32)}"
        answer = await self._get("tempo", path, parameters, missing={})
        return sum(
            len(scope.get("spans", ()))
            for batch in answer.get("batches", ())
            for scope in batch.get("scopeSpans", ())
        )

    async def _get(
        self, backend: str, path: str, parameters: Mapping[str, str], missing: Json | None = None
    ) -> Json:
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        url = f"{self._urls[backend]}{path}"
        headers = {"accept": "application/json"}
        try:
            async with self._session.get(
                url, params=parameters, headers=headers, timeout=timeout
            ) as answer:
                text = await answer.text()
                if answer.status == 404 and missing is not None:
                    return missing
                if answer.status != 200:
                    raise RefusedError(f"{backend} answers {answer.status}: {text[:300].strip()}")
                return cast("Json", json.loads(text))
        except (TimeoutError, aiohttp.ClientError) as error:
            raise RefusedError(f"{backend} does not answer ({type(error).__name__})") from error


def _floored(time: float, step: int) -> float:
    return time // step * step if step else time


def _holds_data(row: Json) -> bool:
    """Tell whether a series has a number, or a stream a line; NaN shows nothing."""
    if "stream" in row:
        return bool(row["values"])
    samples = row["values"] if "values" in row else [row["value"]]
    return any(math.isfinite(float(sample[1])) for sample in samples)
