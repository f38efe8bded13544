"""The columns of the signal matrix: each compares one signal of a scenario with its row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from otel import attributes as a
from otel import names
from otel.names import USAGE_BODY, Kind, Metric
from stack.observations import LogLine, Span
from tests.e2e.backends import Backends
from tests.e2e.drive import Answer
from tests.e2e.matrix import Cost, Fact, Inference, Moved, Scenario
from tests.e2e.polling import NotYetError, until

SPANS_WITHIN = 20.0
"""Spans and logs leave the service within a second; the rest is for a busy machine."""
METRICS_WITHIN = 40.0
"""Metrics leave every five seconds in dev."""

DETAILS = {
    names.CACHE_READ_TOKENS: "cache_read",
    names.CACHE_WRITE_TOKENS: "cache_write",
    names.REASONING_TOKENS: "reasoning",
}
"""Counters that exist only where the answer's usage tells of such tokens."""

WITH_MODEL = tuple(metric for metric in names.OURS if a.REQUEST_MODEL in metric.attributes)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One driven scenario: its row, its answers, and the backends that must show it."""

    scenario: Scenario
    answers: tuple[Answer, ...]
    backends: Backends
    before: Mapping[str, float]
    """Values, by query, of the series it shares with other requests, before it was driven."""

    @property
    def answer(self) -> Answer:
        """The answer the row is about: the last."""
        return self.answers[-1]

    @property
    def paid(self) -> Answer:
        """The answer that a provider was paid for: the first."""
        return self.answers[0]


def series(metric: Metric) -> str:
    """The series that counts a metric's points (histogram) or adds its amounts (counter)."""
    return metric.prometheus + ("_count" if metric.kind is Kind.HISTOGRAM else "")


def sum_of(metric: Metric, labels: Mapping[str, str]) -> str:
    """PromQL for the sum over the series with these labels."""
    chosen = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return f"sum({series(metric)}{{{chosen}}})"


# -- span ------------------------------------------------------------------------------------


def check_spans(seen: Evidence) -> None:
    """One SERVER span, the row's inference spans under it, and no span the row cannot explain."""
    wanted = len(seen.scenario.inferences)
    spans = until(lambda: _whole_trace(seen, wanted), within=SPANS_WITHIN)
    servers = [span for span in spans if span.kind == "SERVER"]
    inferences = [span for span in spans if a.OPERATION_NAME in span.attributes]
    tree = "\n".join(f"  {span.kind} {span.name} {dict(span.attributes)}" for span in spans)
    others = [
        span
        for span in spans
        if span not in servers
        and span not in inferences
        and a.DB_SYSTEM_NAME not in span.attributes
    ]
    where = f"Tempo, trace {seen.answer.trace_id}"
    assert len(servers) == 1, f"{where}: {len(servers)} SERVER spans instead of 1:\n{tree}"
    assert not others, f"{where}: spans that nothing explains:\n{tree}"
    assert servers[0].attributes[a.HTTP_STATUS_CODE] == seen.answer.status, tree
    assert len(inferences) == wanted, f"{where}: {len(inferences)} instead of {wanted}:\n{tree}"
    for span, row in zip(inferences, seen.scenario.inferences, strict=True):
        assert span.kind == "CLIENT", tree
        assert span.parent == servers[0].id, f"{where}: {span.name} is not the request's:\n{tree}"
        _compare(where, span.attributes, _span_attributes(seen, row))
        assert span.failed == (row.error_type is not None), tree


def _whole_trace(seen: Evidence, inferences: int) -> tuple[Span, ...]:
    spans = seen.backends.spans(seen.answer.trace_id)
    found = sum(a.OPERATION_NAME in span.attributes for span in spans)
    if found < inferences or not any(span.kind == "SERVER" for span in spans):
        listed = ", ".join(f"{span.kind} {span.name}" for span in spans) or "no span"
        raise NotYetError(
            f"Tempo, trace {seen.answer.trace_id}: expected 1 SERVER and {inferences} inference "
            f"spans, saw {listed}"
        )
    return spans


def _span_attributes(seen: Evidence, row: Inference) -> dict[str, object]:
    scenario = seen.scenario
    wanted: dict[str, object] = {
        a.OPERATION_NAME: scenario.operation,
        a.REQUEST_MODEL: scenario.model,
        a.TARGET: scenario.target(row.target),
        a.APP: "dev",
        a.OUTCOME: row.outcome,
        a.RETRY_COUNT: row.retries,
        a.ERROR_TYPE: row.error_type,
        a.REQUEST_STREAM: True if scenario.stream else None,
    }
    if row.outcome == "completed":
        wanted[a.COST] = _told(seen)
        wanted[a.USAGE_INPUT_TOKENS] = seen.paid.usage["input"]
        wanted[a.USAGE_OUTPUT_TOKENS] = seen.paid.usage.get("output")
    elif scenario.cost is Cost.ESTIMATED:
        wanted[a.USAGE_ESTIMATED] = True
    else:
        wanted[a.COST] = None
    return wanted


def _compare(where: str, got: Mapping[str, object], wanted: Mapping[str, object]) -> None:
    """Every wanted pair is there, amounts as exact decimals; a wanted None is absent."""
    wrong = {
        name: f"expected {value!r}, saw {got.get(name)!r}"
        for name, value in wanted.items()
        if (_exact(got.get(name)) if isinstance(value, Decimal) else got.get(name)) != value
    }
    assert not wrong, f"{where}: {wrong}"


def _exact(text: object) -> Decimal | None:
    return Decimal(text) if isinstance(text, str) else None


# -- metric ----------------------------------------------------------------------------------


def check_metrics(seen: Evidence) -> None:
    """Each metric of the row moved by exactly its amount, and no other with its model exists.

    Special tokens are no part of the row: what the answer tells of them must be in their counters.
    """
    for moved in seen.scenario.moved:
        until(lambda moved=moved: _has_moved(seen, moved), within=METRICS_WITHIN)
    for moved in seen.scenario.shared:
        until(lambda moved=moved: _has_moved(seen, moved, shared=True), within=METRICS_WITHIN)
    listed = {moved.metric.name for moved in seen.scenario.moved}
    if seen.scenario.cost is not Cost.NONE or seen.scenario.twice:
        listed.add(names.COST.name)
    if seen.scenario.twice:
        listed.add(names.SAVED.name)
    for metric in WITH_MODEL:
        if metric.name in listed:
            continue
        query = sum_of(metric, {"gen_ai_request_model": seen.scenario.model})
        value, wanted = seen.backends.value(query), seen.paid.usage.get(DETAILS.get(metric, ""))
        assert value == (wanted or None), f"Prometheus: {query} is {value}, expected {wanted}"


def _has_moved(seen: Evidence, moved: Moved, *, shared: bool = False) -> None:
    model = {} if shared else {"gen_ai_request_model": seen.scenario.model}
    query = sum_of(moved.metric, {**model, **moved.labels})
    value = seen.backends.value(query)
    wanted = _amount(seen, moved.by)
    if value is None:
        raise NotYetError(f"Prometheus: {query} has no series, expected {wanted or 'at least 1'}")
    value -= seen.before.get(query, 0.0) if shared else 0.0
    if value < 1 if wanted is None else value != wanted:
        raise NotYetError(
            f"Prometheus: {query} moved by {value:g}, expected {wanted or 'at least 1'}"
        )


def _amount(seen: Evidence, by: int | Fact) -> int | None:
    if isinstance(by, int):
        return by
    if by is Fact.SOME:
        return None
    if by is Fact.CHUNK_GAPS:
        return seen.paid.chunks - 1
    kind = "input" if by is Fact.INPUT_TOKENS else "output"
    if told := seen.paid.usage.get(kind):
        return told
    # Nobody told the client: then the usage record must agree with the counter.
    field = "gen_ai_usage_input_tokens" if kind == "input" else "gen_ai_usage_output_tokens"
    return int(usage_lines(seen, at_least=1)[0].fields[field])


# -- log -------------------------------------------------------------------------------------


def usage_lines(seen: Evidence, *, at_least: int) -> Sequence[LogLine]:
    """The usage records of the answer's trace, oldest first, once there are so many."""
    trace_id = seen.answer.trace_id
    logql = f'{{service_name="gaugeway"}} |= "{USAGE_BODY}" | trace_id="{trace_id}"'

    def probe() -> Sequence[LogLine]:
        lines = seen.backends.lines(
            logql, since=seen.answer.began - 5, until=seen.answer.ended + 300
        )
        if len(lines) < at_least:
            raise NotYetError(f"Loki: {logql} gave {len(lines)} lines, expected {at_least}")
        return lines

    return until(probe, within=SPANS_WITHIN)


def check_logs(seen: Evidence) -> None:
    """One usage record for each inference of the row, with the same facts; none more."""
    rows = seen.scenario.inferences
    lines = usage_lines(seen, at_least=len(rows))
    assert len(lines) == len(rows), f"Loki: {len(lines)} usage records instead of {len(rows)}"
    for line, row in zip(lines, rows, strict=True):
        wanted = {
            name.replace(".", "_"): _logged(value)
            for name, value in _span_attributes(seen, row).items()
            if name not in {a.RETRY_COUNT, a.REQUEST_STREAM}
        }
        _compare(f"Loki, usage record of {seen.answer.trace_id}", line.fields, wanted)
        assert line.text == USAGE_BODY
        assert float(line.fields[a.LATENCY_MS]) >= 0


def _logged(value: object) -> object:
    """A value as Loki's structured metadata has it: text, but for amounts and absence."""
    if value is None or isinstance(value, Decimal):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


# -- exemplar --------------------------------------------------------------------------------


def check_exemplars(seen: Evidence) -> None:
    """The duration histogram leads to the trace of the inference; without one, to no trace."""
    selector = names.OPERATION_DURATION.prometheus + "_bucket"
    selector += f'{{gen_ai_request_model="{seen.scenario.model}"}}'
    inference = seen.paid if seen.scenario.twice else seen.answer
    wanted = {inference.trace_id} if seen.scenario.moved else set[str]()

    def probe() -> set[str]:
        exemplars = seen.backends.exemplars(
            selector, since=seen.paid.began - 5, until=seen.answer.ended + 300
        )
        traces = {one["labels"].get("trace_id", "") for one in exemplars}
        if not wanted <= traces:
            raise NotYetError(f"Prometheus, exemplars of {selector}: {traces}, expected {wanted}")
        return traces

    assert until(probe, within=METRICS_WITHIN) == wanted


# -- cost ------------------------------------------------------------------------------------


def check_cost(seen: Evidence) -> None:
    """The exact amount is the same in answer and usage record, and as a double in the counter."""
    cost, told = seen.scenario.cost, seen.answer.cost
    if cost is Cost.ESTIMATED:
        amount = Decimal(usage_lines(seen, at_least=1)[0].fields["gaugeway_cost"])
        assert amount > 0
        left = seen.scenario.leave_after_chunks is not None
        assert told == (None if left else amount), f"The answer tells the cost {told}"
    elif seen.scenario.twice:
        assert told == 0, f"x-gaugeway-cost-usd of a cached answer is {told}, expected 0"
        amount = _told(seen)
    else:
        assert (told is None) == (cost is Cost.NONE), f"The answer tells the cost {told}"
        amount = told
    _counts(seen, names.COST, amount)
    # Asked again, it saved what it had cost.
    _counts(seen, names.SAVED, amount if seen.scenario.twice else None)


def _counts(seen: Evidence, metric: Metric, amount: Decimal | None) -> None:
    query = sum_of(metric, {"gen_ai_request_model": seen.scenario.model})
    wanted = None if amount is None else float(amount)

    def probe() -> None:
        value = seen.backends.value(query)
        if value != wanted:
            raise NotYetError(f"Prometheus: {query} is {value}, expected {wanted}")

    until(probe, within=METRICS_WITHIN)


def _told(seen: Evidence) -> Decimal:
    """The cost in the answer that a provider was paid for; more than nothing."""
    told = seen.paid.cost
    assert told is not None, f"{seen.scenario.name}: the answer tells no cost: {seen.paid.headers}"
    assert told > 0, f"{seen.scenario.name}: the answer tells the cost {told}"
    return told


COLUMNS = {
    "span": check_spans,
    "metric": check_metrics,
    "log": check_logs,
    "exemplar": check_exemplars,
    "cost": check_cost,
}
