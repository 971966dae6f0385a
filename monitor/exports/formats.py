"""The formats that there are. Imports nothing slow: the command line lists them in its help."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """What an export may be written as."""

    GEOJSON = "geojson"
    CSV = "csv"
    PARQUET = "parquet"
    STAC = "stac"
    STIX = "stix"

    @property
    def is_text(self) -> bool:
        """True if it may go to standard output."""
        return self is not Format.PARQUET
