"""Compose's own reading of docker-compose.yml: schema, interpolation and `extends` resolved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

CHECKOUT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = CHECKOUT / "docker-compose.yml"
ENVIRONMENTS = ("dev", "staging", "prod")
COMPOSE = Path(sys.executable).with_name("docker-compose")

Service = dict[str, Any]
Project = dict[str, Any]


class Refused(Exception):  # noqa: N818 - says what compose did
    """Compose refused the file; the text is its own."""


def render(
    environment: str | None = "dev",
    variables: Mapping[str, str] | None = None,
    files: Sequence[Path] = (COMPOSE_FILE,),
) -> Project:
    """What compose would run, load profile included; needs no engine. Raises `Refused`."""
    given = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **(variables or {})}
    if environment is not None:
        given["GAUGEWAY_ENV"] = environment
    named = [argument for file in files for argument in ("--file", file)]
    command = [COMPOSE, *named, "--env-file", os.devnull, "--profile", "*"]
    answer = subprocess.run(
        [*command, "config", "--format", "json"],
        env=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if answer.returncode != 0:
        raise Refused(answer.stderr.strip())
    return cast("Project", json.loads(answer.stdout))


@cache
def services(environment: str) -> dict[str, Service]:
    """The services of one environment with every variable at its default."""
    return cast("dict[str, Service]", render(environment)["services"])


def environment_of(service: Service) -> dict[str, str]:
    """A service's environment variables."""
    return cast("dict[str, str]", service.get("environment") or {})


def long_running(project: Mapping[str, Service]) -> dict[str, Service]:
    """The services that are meant to stay up."""
    return {name: service for name, service in project.items() if service["restart"] != "no"}
