"""Panels' ids, by which links find them."""

from zlib import crc32


def panel_id(title: str) -> int:
    """The id of the panel of this title, 1,000 or more; smaller ones are of rows.

    It comes from the title alone, so that a link in an old notification leads to the same panel
    after others were put before it. Titles differ within a dashboard.
    """
    return crc32(title.encode()) % 1_000_000 + 1_000
