"""The keys the demo sends its traffic with: one for each of several apps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from service.key_file import KEYS_FILE, read_records
from service.keys import add_key, split_key
from stack.home import Home, write_private
from stack.journey import APP

TRAFFIC_APPS = ("web-chat", "search", "nightly-batch")


def demo_keys(home: Home) -> dict[str, str]:
    """Return a usable key for each app of the demo, made where there is none yet."""
    file = home.secrets / "demo-keys.json"
    kept = _read(home)
    usable = {
        record.id: record.app
        for record in read_records(home.path / KEYS_FILE)
        if record.revoked_at is None
    }
    keys = dict[str, str]()
    for app in (*TRAFFIC_APPS, APP):
        pair = split_key(kept.get(app, ""))
        known = pair is not None and usable.get(pair[0]) == app
        keys[app] = kept[app] if known else add_key(home.path, app, "app")
    write_private(file, json.dumps(keys))
    return keys


def _read(home: Home) -> Mapping[str, str]:
    try:
        document: Any = json.loads((home.secrets / "demo-keys.json").read_text())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, str]", document) if isinstance(document, dict) else {}
