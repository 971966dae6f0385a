"""Every measurement as a row, usable or not, and the rows as CSV (RFC 4180, UTF-8)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from monitor.exports.values import Export, Place, Row, finite, iso
from monitor.message import clean

Cell = str | float | int | bool | datetime | None

TEXTS: Final = (
    *("aoi", "zone", "measure", "unit", "reason", "look", "track", "platform", "recipe"),
    *("attribution", "quaywatch_version"),
)
"""Columns that hold text."""

COLUMNS: Final = (
    *("aoi", "zone", "measure", "value", "unit", "reason", "look", "track", "platform", "start_utc"),
    *("n_valid", "valid_fraction", "recipe", "expected", "expected_low", "expected_high", "expected_looks", "z"),
    *("simulated", "attribution", "quaywatch_version", "made_utc"),
)

STARTS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - full width: some spreadsheets take them for the plain ones
"""A cell that begins so is computed by spreadsheets."""


def records(export: Export) -> Iterator[dict[str, Cell]]:
    """The rows by column, in order of place, time, zone and measure. A text that is missing is None."""
    for place in export.places:
        for row in place.rows:
            yield _record(export, place, row)


def _record(export: Export, place: Place, row: Row) -> dict[str, Cell]:
    expected = row.expected
    cells: dict[str, Cell] = {
        "aoi": row.aoi,
        "zone": row.zone,
        "measure": row.measure,
        "value": finite(row.value),
        "unit": row.unit,
        "reason": row.reason,
        "look": row.look,
        "track": row.track,
        "platform": row.platform,
        "start_utc": row.start,
        "n_valid": row.n_valid,
        "valid_fraction": finite(row.valid_fraction),
        "recipe": row.recipe,
        "expected": finite(expected.centre) if expected else None,
        "expected_low": finite(expected.low) if expected else None,
        "expected_high": finite(expected.high) if expected else None,
        "expected_looks": expected.n if expected else None,
        "z": finite(row.z),
        "simulated": place.simulated,
        "attribution": place.attribution,
        "quaywatch_version": export.version,
        "made_utc": export.made,
    }
    return {name: _plain(cells[name]) for name in COLUMNS}


def _plain(cell: Cell) -> Cell:
    return clean(cell) or None if isinstance(cell, str) else cell


def sheet(export: Export) -> str:
    """The text of a CSV file. Numbers are as exact as they are kept; what is missing is an empty cell."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for record in records(export):
        writer.writerow([written(cell) for cell in record.values()])
    return out.getvalue()


def written(cell: Cell) -> str:
    """A cell as it stands in the file: a text that a spreadsheet would compute begins with an apostrophe."""
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case datetime():
            return iso(cell)
        case str():
            return f"'{cell}" if cell.startswith(STARTS_FORMULA) else cell
        case _:
            return repr(cell)
