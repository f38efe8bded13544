"""Takes a changed price file in while the service runs; a bad one leaves the old one in force."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from otel.instruments import Instruments
from service.file_watch import FileWatch, ReloadedFile
from service.price_file import NO_FILE, PriceFile, PriceFileError, load_price_file


class PriceFileWatch(FileWatch[PriceFile]):
    """Hands on what the price file says whenever it changed; its fault is `PriceFileError`."""

    def __init__(
        self,
        path: Path,
        use: Callable[[PriceFile], None],
        *,
        instruments: Instruments,
        interval: float = 2.0,
    ) -> None:
        file = ReloadedFile(
            path,
            lambda: load_price_file(path),
            fault=PriceFileError,
            what="prices",
            first=NO_FILE,
        )
        super().__init__(file, instruments=instruments, interval=interval, use=use)
