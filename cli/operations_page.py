"""Where the operations page is, and how to come by a key for it."""

from __future__ import annotations

from stack.containers import runs_in_containers
from stack.settings import Settings

_MAKE = "gaugeway keys create NAME --role admin"
_IN_CONTAINER = "docker compose exec service"


def operations_page(settings: Settings) -> str:
    """One line for a person: the page's address, and where its key is or how to make one."""
    inside = runs_in_containers(settings.home)
    if settings.secured:
        key = f"make a key with `{f'{_IN_CONTAINER} ' if inside else ''}{_MAKE}`"
    elif inside:
        key = f"its key: `{_IN_CONTAINER} cat /var/lib/gaugeway/{settings.home.dev_admin_key.name}`"
    else:
        key = f"its key is in {settings.home.dev_admin_key}"
    return f"operations page: {settings.url('service')}/admin/monitoring; {key}"
