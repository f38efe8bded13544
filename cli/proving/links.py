"""Every link of every dashboard leads to something that is there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from cli.proving.answers import Backends, RefusedError
from cli.proving.dashboards import Dashboard
from cli.proving.finding import Finding
from cli.proving.panels import Check
from grafana.dashboards.variable_values import TimeRange, filled, step_of, time_range

Json = dict[str, Any]
_TRACE_ID = re.compile(r"[0-9a-f]{1,32}")
_VALUE = "${__value.raw}"


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is committed. `column` is the one of its panel's table whose cells carry it."""

    dashboard: str
    panel: str
    title: str
    url: str
    column: str = ""

    @property
    def name(self) -> str:
        """Return how people find it."""
        return f"{self.panel} → {self.title}" if self.panel else self.title


class BrokenLinkError(RuntimeError):
    """A link leads nowhere; the message says why."""


def links_of(dashboard: Dashboard) -> Iterator[Link]:
    """Return the links of a dashboard's panels: of the panel, and of its data."""
    for panel in dashboard.panels:
        uid, title, looks = dashboard.uid, panel["title"], _object(panel.get("fieldConfig"))
        for link in _list(panel.get("links")):
            yield Link(uid, title, link["title"], link["url"])
        for link in _list(_object(looks.get("defaults")).get("links")):
            yield Link(uid, title, link["title"], link["url"])
        for override in _list(looks.get("overrides")):
            column = str(override["matcher"].get("options") or "")
            for looked in override["properties"]:
                for link in looked["value"] if looked["id"] == "links" else ():
                    yield Link(uid, title, link["title"], link["url"], column)


def field_of(panel: Json, column: str) -> str:
    """Return the label that a table shows as `column`: what its transformations rename to it."""
    for transformation in _list(panel.get("transformations")):
        options = _object(transformation.get("options"))
        for field, shown in _object(options.get("renameByName")).items():
            if shown == column:
                return field
    return column


def _object(value: Any) -> Json:
    """Return an object of JSON, an empty one for null and for what is not there."""
    return cast("Json", value or {})


def _list(value: Any) -> list[Json]:
    """Return a list of JSON, an empty one for null and for what is not there."""
    return cast("list[Json]", value or [])


def link_checks(
    dashboards: tuple[Dashboard, ...], backends: Backends, now: Callable[[], float]
) -> list[Check]:
    """Return a check for each link, filled in with a row that is there. `now` is Unix seconds."""
    checks: list[Check] = []
    for dashboard in dashboards:
        follower = _Follower(dashboard, dashboards, backends, now)
        checks += [follower.followed(link) for link in links_of(dashboard)]
        checks += [follower.menu(link) for link in _list(dashboard.document.get("links"))]
    return checks


class _Follower:
    """Follows the links of one dashboard."""

    def __init__(
        self,
        dashboard: Dashboard,
        dashboards: tuple[Dashboard, ...],
        backends: Backends,
        now: Callable[[], float],
    ):
        self._dashboard = dashboard
        self._dashboards = dashboards
        self._backends = backends
        self._now = now

    def followed(self, link: Link) -> Check:
        """Return the check that a panel's or a cell's link leads to something."""

        async def check() -> Finding:
            try:
                how = await self._follow(link)
            except (BrokenLinkError, RefusedError, ValueError, KeyError) as error:
                return Finding("link", link.dashboard, link.name, "failed", str(error))
            return Finding("link", link.dashboard, link.name, "proven", how)

        return check

    def menu(self, link: Json) -> Check:
        """Return the check that a dashboard's own link leads to dashboards."""

        async def check() -> Finding:
            title = str(link["title"])
            try:
                if link["type"] == "dashboards":
                    how = _tagged(self._dashboards, link["tags"])
                else:
                    how = await self._follow(Link(self._dashboard.uid, "", title, link["url"]))
            except (BrokenLinkError, RefusedError, ValueError, KeyError) as error:
                return Finding("link", self._dashboard.uid, title, "failed", str(error))
            return Finding("link", self._dashboard.uid, title, "proven", how)

        return check

    async def _follow(self, link: Link) -> str:
        shown = time_range(self._now(), self._dashboard.since)
        url = link.url
        if _VALUE in url:
            url = url.replace(_VALUE, await self._value(link, shown))
        if urlsplit(url).path == "/explore":
            state: Json = json.loads(parse_qs(urlsplit(url).query)["left"][0])
            return await self._explored(state, shown)
        return place_of(self._dashboards, unquote(url))

    async def _explored(self, state: Json, shown: TimeRange) -> str:
        query = cast("Json", state["queries"][0])
        text = filled(
            query.get("query") or query["expr"], shown, step_of(shown), self._dashboard.everything
        )
        source = str(state["datasource"])
        if source == "loki":
            found, what = await self._backends.lines(text, shown), "streams of log lines"
        elif source == "tempo" and _TRACE_ID.fullmatch(text):
            found, what = await self._backends.spans(text, shown), "spans of one trace"
        elif source == "tempo":
            found, what = await self._backends.traces(text, shown), "traces"
        else:
            raise BrokenLinkError(f"leads to {source}, where nothing is looked for")
        if not found:
            raise BrokenLinkError(f"{source} finds nothing for {text}")
        return f"{found} {what}"

    async def _value(self, link: Link, shown: TimeRange) -> str:
        """Return what the link's column shows in a row that is there."""
        panel = next(one for one in self._dashboard.panels if one["title"] == link.panel)
        field = field_of(panel, link.column)
        for question in self._dashboard.questions:
            if question.panel != link.panel:
                continue
            rows = await self._backends.rows(question, shown, self._dashboard.everything)
            for row in rows:
                if value := row["metric"].get(field):
                    return str(value)
        raise BrokenLinkError(f"no row has a {field} to fill in")


def place_of(dashboards: Iterable[Dashboard], url: str) -> str:
    """Return the dashboard or panel that an address such as /d/<uid>?viewPanel=<id> leads to.

    Raises `BrokenLinkError` where there is none.
    """
    parts = urlsplit(url)
    if not (found := re.search(r"/d/([\w-]+)", parts.path)):
        raise BrokenLinkError(f"{url} is no address of a dashboard")
    dashboard = next((one for one in dashboards if one.uid == found[1]), None)
    if dashboard is None:
        raise BrokenLinkError(f"there is no dashboard {found[1]}")
    wanted = parse_qs(parts.query).get("viewPanel")
    if not wanted:
        return str(dashboard.document["title"])
    panel = next((one for one in dashboard.panels if str(one["id"]) == wanted[0]), None)
    if panel is None:
        raise BrokenLinkError(f"{dashboard.uid} has no panel {wanted[0]}")
    return f"{dashboard.document['title']}, {panel['title']}"


def _tagged(dashboards: Iterable[Dashboard], tags: list[str]) -> str:
    found = [
        one
        for one in dashboards
        if set(tags) <= set(cast("list[str]", one.document.get("tags") or []))
    ]
    if not found:
        raise BrokenLinkError(f"no dashboard has the tags {', '.join(tags)}")
    return f"{len(found)} dashboards"
