"""Renders the pages' templates; everything put into them is escaped."""

from __future__ import annotations

import functools

from jinja2 import Environment, PackageLoader, StrictUndefined

from service.web.static_files import static_url


def render(name: str, **context: object) -> str:
    """The template as HTML text. Raises where the template uses what it was not given."""
    return _environment().get_template(name).render(**context)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("service.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["static"] = static_url  # pyright: ignore[reportArgumentType] - jinja2 types globals by its own defaults
    return environment
