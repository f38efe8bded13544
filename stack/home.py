"""Where a stack keeps its data, logs, secrets and run-time files: the layout of GAUGEWAY_HOME."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing zero included.
_LONGEST_SOCKET_PATH = 103


class HomeError(RuntimeError):
    """The home, or a file in it, is not as the stack needs it; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Home:
    """The directory of one stack; every path below it is stated here."""

    path: Path

    @property
    def run(self) -> Path:
        """Return where files live that mean something only while the stack is up."""
        return self.path / "run"

    @property
    def logs(self) -> Path:
        """Return where each component's output goes, one file a component."""
        return self.path / "logs"

    @property
    def config(self) -> Path:
        """Return where configuration goes that the stack writes itself."""
        return self.path / "config"

    @property
    def tls(self) -> Path:
        """Return where certificates and keys of its own making are."""
        return self.path / "tls"

    @property
    def secrets(self) -> Path:
        """Return where generated passwords and tokens are, one file each."""
        return self.path / "secrets"

    @property
    def record(self) -> Path:
        """Return the file that says what is running: environment, ports, supervisor."""
        return self.run / "stack.json"

    @property
    def project(self) -> Path:
        """Return the process manager's configuration."""
        return self.run / "process-compose.yaml"

    @property
    def dev_api_key(self) -> Path:
        """Return where the service puts its development key."""
        return self.path / "dev-api-key"

    @property
    def dev_admin_key(self) -> Path:
        """Return where the service puts its development key for operators."""
        return self.path / "dev-admin-key"

    @property
    def socket(self) -> Path:
        """Return the process manager's socket: under the home, or a short path if that is long."""
        plain = self.run / "process-compose.sock"
        if len(os.fsencode(plain)) <= _LONGEST_SOCKET_PATH:
            return plain
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"gaugeway-{os.getuid()}-{digest}" / "pc.sock"

    def data(self, name: str) -> Path:
        """Return where the component called `name` keeps its data."""
        return self.path / "data" / name

    def log(self, name: str) -> Path:
        """Return the log file of the component called `name`."""
        return self.logs / f"{name}.log"

    def prepare(self) -> None:
        """Make the directories, readable by their owner alone; raises `HomeError`."""
        for directory in (
            self.path, self.run, self.logs, self.config, self.tls, self.secrets,
            self.path / "data", self.socket.parent,
        ):  # fmt: skip
            private_directory(directory)


def private_directory(path: Path) -> Path:
    """Make `path` a directory of mode 0700 that belongs to this user; raises `HomeError`."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = path.lstat()
        if facts.st_uid != os.getuid() or not stat.S_ISDIR(path.stat().st_mode):
            raise HomeError(f"{path} belongs to somebody else; set GAUGEWAY_HOME to another place.")
        if stat.S_IMODE(facts.st_mode) & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise HomeError(f"{path} cannot be used: {error.strerror}; set GAUGEWAY_HOME.") from error
    return path


def write_private(path: Path, text: str) -> Path:
    """Write `text` whole or not at all, readable by its owner alone; raises `OSError`."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(descriptor, 0o600)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return partial.replace(path)
    except OSError:
        # A disk that is full now shall not keep half of a secret until somebody looks.
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
