"""A trace as a waterfall: spans under their parents, each with its bar."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from service.web import figures
from service.web.figures import Figure
from service.web.moments import Moment, Zoned
from service.web.spans import Event, Span, Trace

DEEPEST = 12
"""Levels that are indented; those below stand where the last one does."""
KEY_PREFIXES = ("gen_ai.", "gaugeway.", "http.", "error.", "exception.", "db.", "server.", "url.")
"""Attributes that tell what a span was about; they come first."""
TICKS = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NARROWEST = Decimal("0.3")


@dataclass(frozen=True, slots=True)
class Mark:
    """An event on a span's bar; `x` in percent of the whole trace."""

    name: str
    x: str
    at: Figure
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One span as shown; `x` and `width` in percent of the whole trace."""

    id: str
    name: str
    service: str
    colour: int
    level: int
    indent: int
    kind: str
    failed: bool
    status_message: str
    begins: Figure
    duration: Figure
    x: str
    width: str
    attributes: tuple[tuple[str, str], ...]
    left_out: int
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A whole trace as shown."""

    started_at: Moment
    duration: Figure
    bars: tuple[Bar, ...]
    services: tuple[tuple[str, int], ...]
    """Each service with the number of its colour."""
    failed: int
    ticks: tuple[tuple[str, str], ...]
    """Places on the time axis, in percent, and what they say."""
    left_out: int
    begin: datetime


def waterfall(trace: Trace, zoned: Zoned) -> Waterfall | None:
    """The trace as bars, parents before their children; None where it has no span."""
    if not trace.spans:
        return None
    start = min(span.start for span in trace.spans)
    length = max(1, max(span.end for span in trace.spans) - start)
    names = sorted({span.service for span in trace.spans})
    colours = {name: place % 8 + 1 for place, name in enumerate(names)}
    frame = _Frame(start, length, colours)
    begin = _EPOCH + timedelta(microseconds=start // 1000)
    return Waterfall(
        started_at=Moment(begin.isoformat(), zoned.stamp(begin)),
        duration=_duration(length),
        bars=tuple(frame.bar(span, level) for span, level in _in_order(trace.spans)),
        services=tuple(colours.items()),
        failed=sum(span.failed for span in trace.spans),
        ticks=tuple(
            (
                figures.width(100 * tick / TICKS),
                _duration(length * tick // TICKS).text if tick else "0",
            )
            for tick in range(TICKS + 1)
        ),
        left_out=trace.left_out,
        begin=begin,
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """The whole that bars are parts of."""

    start: int
    length: int
    colours: Mapping[str, int]

    def bar(self, span: Span, level: int) -> Bar:
        x, width = self._place(span.start), self._share(span.end - span.start)
        width = max(width, _NARROWEST)
        return Bar(
            id=span.id,
            name=span.name,
            service=span.service,
            colour=self.colours[span.service],
            level=level,
            indent=min(level, DEEPEST) - 1,
            kind=span.kind,
            failed=span.failed,
            status_message=span.status_message,
            begins=_duration(span.start - self.start),
            duration=_duration(span.end - span.start),
            x=figures.width(min(x, 100 - width)),
            width=figures.width(width),
            attributes=_telling_first(span.attributes),
            left_out=span.left_out,
            marks=tuple(self._mark(event) for event in span.events),
        )

    def _mark(self, event: Event) -> Mark:
        return Mark(
            event.name,
            figures.width(self._place(event.at)),
            _duration(max(0, event.at - self.start)),
            event.attributes,
        )

    def _place(self, at: int) -> Decimal:
        return min(Decimal(100), max(Decimal(0), self._share(at - self.start)))

    def _share(self, nanoseconds: int) -> Decimal:
        return Decimal(nanoseconds) * 100 / Decimal(self.length)


def _in_order(spans: Sequence[Span]) -> Iterable[tuple[Span, int]]:
    """Each span after its parent, the earlier one first; every span exactly once.

    A span whose parent is not there stands at the first level, and so do those of a circle.
    """
    ordered = sorted(spans, key=lambda span: (span.start, -span.end))
    known = {span.id for span in ordered}
    children: dict[str, list[Span]] = {}
    roots: list[Span] = []
    for span in ordered:
        if span.parent in known and span.parent != span.id:
            children.setdefault(span.parent, []).append(span)
        else:
            roots.append(span)
    shown: set[int] = set()
    for root in (*roots, *ordered):
        pending = [(root, 1)]
        while pending:
            span, level = pending.pop()
            if id(span) in shown:
                continue
            shown.add(id(span))
            yield span, level
            # A second span of the same id has no children of its own.
            below = children.pop(span.id, [])
            pending += [(child, level + 1) for child in reversed(below)]


def _telling_first(pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(pairs, key=lambda pair: (not pair[0].startswith(KEY_PREFIXES), pair[0])))


def _duration(nanoseconds: int) -> Figure:
    return figures.duration(nanoseconds / 1_000_000)
