"""Where binaries are cached and with which Go they are built, from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# A user's own flags (-mod=vendor, a workspace, C libraries) would build something else than what
# was pinned and tested. Proxy, checksum database and module cache stay the user's.
_PINNED_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}


@dataclass(frozen=True)
class BuildSettings:
    """Everything a build takes from outside the checkout."""

    cache: Path
    go: str
    environment: Mapping[str, str]

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> BuildSettings:
        """Read GAUGEWAY_CACHE (else XDG_CACHE_HOME, else ~/.cache) and GAUGEWAY_GO (else `go`)."""
        source = os.environ if environ is None else environ
        return cls(
            cache=_cache_directory(source),
            go=source.get("GAUGEWAY_GO") or "go",
            environment={**source, **_PINNED_ENVIRONMENT},
        )


def _cache_directory(environ: Mapping[str, str]) -> Path:
    if own := environ.get("GAUGEWAY_CACHE"):
        return Path(own).expanduser().absolute()
    if shared := environ.get("XDG_CACHE_HOME"):
        return Path(shared).expanduser().absolute() / "gaugeway"
    return Path.home() / ".cache" / "gaugeway"
