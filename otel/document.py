"""Writes docs/telemetry.md from the names: `python -m otel.document [--check] [PATH]`."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from otel import attributes, names
from otel.bootstrap import cleaning, console, settings
from otel.coming_from import APPLICATIONS, Row
from otel.metric import Metric

_NOTHING: Final = "-"
_HEAD: Final = """\
# Telemetry

Every metric and attribute the service emits. This page is generated from `otel/names.py` and
`otel/attributes.py` by `python -m otel.document`; a test holds it fresh.

A label that is not listed with its metric is never emitted. A label's values are bounded too: past
100 different ones (`GAUGEWAY_LABEL_VALUES_MAX`) a new value becomes `_OTHER`, and
`gaugeway.cardinality.overflow` counts it.

In Prometheus a histogram's series add `_bucket`, `_sum` and `_count` to its name.
"""


def document() -> str:
    """Return the page."""
    parts = [
        _HEAD,
        "## Settings\n",
        _settings(),
        "## Metrics of ours\n",
        _metrics(names.OURS),
        "## Metrics of libraries\n\nRecorded by FastAPI and by the process's instrumentation.\n",
        _metrics(names.FOREIGN),
        "## Buckets\n",
        _buckets(),
        "## Spans and log records\n",
        _RECORDS,
        "## What callers write\n",
        _CALLERS,
        _table(("What a caller writes", "What is told of it"), _CALLERS_TEXT),
        "## Attributes\n",
        _attributes(),
        "## Where did X go?\n",
        _COMING_FROM,
        *(f"### {application.title}\n\n{_homes(application.rows)}" for application in APPLICATIONS),
    ]
    return "\n".join(parts)


_RECORDS: Final = f"""\
* One `SERVER` span a request, named by method and route, by FastAPI's own telemetry.
* One `CLIENT` span for each target tried, named by operation and model (`chat gpt-4o`); retries of
  that target are inside it, a fallback is a new one, a cache hit has none.
* One `CLIENT` span a Redis command within a request, by opentelemetry-instrumentation-redis.
* One log record `{names.USAGE_BODY}` for each `CLIENT` span of a target, from the logger
  `{names.USAGE_LOGGER}`, with the same facts, `{attributes.COST}` and `{attributes.LATENCY_MS}`.
* What the application logs, correlated with its trace.
"""


_CALLERS: Final = f"""\
Credentials are hidden in all that leaves the process, in time that grows with the length of the
text: an attribute is cut at {max(cleaning.LONGEST_VALUES):,} characters
(`OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`), a log record's body at {cleaning.LONGEST_BODY:,} and a line
on the console at {console.LONGEST_LINE:,} before it is searched, and a credential that the cut
parts in two is hidden as well.

Whatever else callers write is content, wherever they write it. Without
`OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` this much is told of it; with it the rest is,
redacted, on spans or on log records as that says. Metrics never have it.
"""
_CALLERS_TEXT: Final = (
    ("Messages, tools, formats, `stop`, `user`, `metadata` and unknown fields", "Nothing"),
    ("`model`", "What a target declares for it; a model that none serves is not told"),
    ("`service_tier`", "A tier that providers name, else `_OTHER`; the answer's tier alike"),
    ("Path", "The route's template, a path of a model vendor's interface, or `_OTHER`"),
    ("Query, `User-Agent`, `Referer` and other headers", "Nothing"),
    ("`Host`", "An IP address, `localhost`, or a name of `GAUGEWAY_SERVER_NAMES`"),
    ("`X-Forwarded-For`", "An IP address, where the server trusts who sends it"),
    ("Method", "One that HTTP knows, else `_OTHER`"),
    ("`X-Gaugeway-Component`", "A declared one, else `_OTHER`"),
    ("`traceparent`", "The ids: a trace that began elsewhere goes on here"),
    (
        "`tracestate`",
        "The numbers of samplers (`ot=th:…;rv:…`): vendors put anything into the rest. It is "
        "sent on whole, where anything is sent on",
    ),
    ("`baggage`", "Nothing; more than 8,192 characters of it are not read"),
    ("What a provider's error repeats", "Its status, and its code where that is a documented one"),
    ("What an exception repeats", "Its class and where it was raised"),
)


def _settings() -> str:
    own = [(f"`{name}`", meaning) for name, meaning in settings.OWN.items()]
    standard = [
        (f"`{name}`", f"`{value}`", f"`{settings.ELSEWHERE.get(name, value)}`")
        for name, value in (settings.DEFAULTS | settings.DEV).items()
    ]
    return "\n".join(
        [
            "The standard `OTEL_*` variables work; these are their defaults here:\n",
            _table(("Variable", "In dev", "Elsewhere"), standard),
            "Ours:\n",
            _table(("Variable", "Meaning"), own),
        ]
    )


def _metrics(metrics: Iterable[Metric]) -> str:
    rows = [
        (
            f"`{metric.name}`",
            metric.kind.value,
            f"`{metric.unit}`" if metric.unit else _NOTHING,
            f"`{metric.prometheus}`",
            metric.meaning,
            ", ".join(f"`{name}`" for name in metric.attributes) or _NOTHING,
        )
        for metric in metrics
    ]
    return _table(("Metric", "Kind", "Unit", "In Prometheus", "Meaning", "Labels"), rows)


def _buckets() -> str:
    rows = [
        (f"`{metric.name}`", ", ".join(f"{bound:g}" for bound in metric.buckets))
        for metric in names.METRICS
        if metric.buckets
    ]
    return _table(("Histogram", "Upper bounds"), rows)


def _attributes() -> str:
    rows = [
        (f"`{each.name}`", each.type, ", ".join(each.signals), each.meaning)
        for each in attributes.ATTRIBUTES
    ]
    return _table(("Attribute", "Type", "On", "Meaning"), rows)


_COMING_FROM: Final = """\
For those who come from monitoring of their own: each number it had, and where it is here. Queries
are PromQL or LogQL as they stand; a test runs them all. Alerts have their
[runbooks](runbooks/), more queries are among the [recipes](recipes.md).
"""


def _homes(rows: Iterable[Row]) -> str:
    table = [
        (
            name.replace("|", "\\|"),
            f"`{row.query}`".replace("|", "\\|") if row.query else _NOTHING,
            " ".join(
                [
                    *(f"[{alert}](runbooks/{alert}.md)" for alert in row.alerts),
                    *([row.note] if row.note else []),
                ]
            )
            or _NOTHING,
        )
        for row in rows
        for name in row.names
    ]
    return _table(("There", "Query here", "Alert, or what else to know"), table)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with `--check` say whether the one that is there is fresh."""
    paths = [argument for argument in arguments if argument != "--check"]
    path = Path(paths[0] if paths else "docs/telemetry.md")
    if "--check" not in arguments:
        path.write_text(document(), encoding="utf-8")
        return 0
    if path.is_file() and path.read_text(encoding="utf-8") == document():
        return 0
    sys.stderr.write(f"{path} is not fresh; run: python -m otel.document\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
