"""The archive: keeps looks, finds them again, and lets go of old ones."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from monitor.archive import files
from monitor.archive.pixels import pack, unpack
from monitor.archive.record import describe, identity, seal, unseal
from monitor.archive.retention import Entry, Pruned, Retention, choose
from monitor.coding import Coding, coding_of
from monitor.errors import WorkspaceError
from monitor.grid import Grid
from monitor.scene import Pass
from monitor.stack import Stack

LARGEST_RECORD: Final = 200_000_000
"""Bytes. Larger than any: a catalogue item has some 30,000."""


class _Damaged(Exception):
    """A kept look is not as it was written."""


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a look is kept, and what must be found there."""

    path: Path
    """The GeoTIFF."""

    identity: str
    grid: Grid


class Archive:
    """The kept looks below one folder. Any number of processes and threads may use it at once."""

    def __init__(self, folder: Path) -> None:
        """Touches nothing yet: the folder is made when something is kept."""
        self.folder = folder
        self._problems: dict[str, None] = {}

    @property
    def problems(self) -> Sequence[str]:
        """What was found damaged or unreadable, each once."""
        return list(self._problems)

    def has(self, aoi: str, taken: Pass, grid: Grid, bands: Sequence[str], *, recipe: str = "") -> bool:
        """True if the look is kept. Not whether it is intact: that takes reading it."""
        path = self._place(aoi, taken, grid, bands, recipe).path
        try:
            return files.record_of(path).is_file() and path.is_file()
        except OSError:
            return False

    def get(self, aoi: str, taken: Pass, grid: Grid, bands: Sequence[str], *, recipe: str = "") -> Stack | None:
        """The look as `keep` gave it, bit for bit; None if it is not kept.

        `bands` are those asked for, of which the scenes may lack some. `recipe` names whatever else decides the
        pixels, such as the options of a source that renders them itself.

        A damaged copy counts as not kept: it is set aside (`*.damaged`) and named in `problems`.
        """
        place = self._place(aoi, taken, grid, bands, recipe)
        try:
            return _load(place)
        except _Damaged as damage:
            return self._without_others(place, damage)
        except OSError as error:
            self._problems[f"{place.path}: cannot be read ({error.strerror})"] = None
            return None

    def keep(
        self, aoi: str, taken: Pass, stack: Stack, *, bands: Sequence[str], as_of: datetime, recipe: str = ""
    ) -> Stack:
        """Writes the look, durably, and gives it as decoded from what was written: measure that, not `stack`.

        `bands` and `recipe` as in `get`. Keeping a look again replaces it.

        Raises:
            WorkspaceError: it cannot be written. Nothing half-written is left, nothing kept is lost.
            ValueError: the stack has no band, or one that was not asked for.
        """
        if not stack.bands or not set(stack.bands) <= set(bands):
            raise ValueError(f"{taken.id}: has the bands {sorted(stack.bands)}, asked were {sorted(bands)}")
        place = self._place(aoi, taken, stack.grid, bands, recipe)
        codings = {name: coding_of(taken.track.sensor, name) for name in stack.bands}
        pixels = pack(stack, codings)
        record = seal(describe(aoi, taken, stack, asked=bands, recipe=recipe, pixels=pixels, as_of=as_of))
        kept = _stack(unseal(record), pixels, stack.grid)
        try:
            with files.alone(self.folder):
                files.commit(place.path, pixels, record)
        except OSError as error:
            raise _unwritable(place.path, error) from error
        return kept

    def entries(self) -> Iterator[Entry]:
        """All that is kept, by AOI and time. Reads names and sizes only."""
        for year in files.years(self.folder):
            yield from files.listed(year)

    def damaged(self) -> list[Path]:
        """Files that were set aside. Nothing but a person removes them."""
        return [p for year in files.years(self.folder) for p in sorted(year.glob(f"*{files.DAMAGED}*"))]

    def prune(self, policy: Retention, *, keep: Collection[tuple[str, str]], as_of: datetime) -> Pruned:
        """Removes the oldest looks that the policy no longer wants, and what crashes left behind.

        `keep`: (AOI id, look id) of what is evidence. It stays in all its forms, even over the budget.

        Raises:
            WorkspaceError: a file cannot be removed. Each look is there whole or not at all.
        """
        if not self.folder.is_dir():
            return Pruned(removed=0, bytes=0, kept_evidence=0, over_budget=False)
        evidence = {(files.name_of(aoi), files.name_of(look)) for aoi, look in keep}
        try:
            with files.alone(self.folder):
                choice = choose(self.entries(), policy, evidence=evidence, as_of=as_of)
                for entry in choice.drop:
                    files.remove(entry.path)
                for year in files.years(self.folder):
                    files.sweep(year)
                    files.remove_empty(year)
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        return Pruned(
            removed=len(choice.drop),
            bytes=sum(e.bytes for e in choice.drop),
            kept_evidence=choice.spared,
            over_budget=policy.budget_bytes is not None and choice.left > policy.budget_bytes,
        )

    def _place(self, aoi: str, taken: Pass, grid: Grid, bands: Sequence[str], recipe: str) -> _Place:
        digest = identity(aoi, taken, grid, bands, recipe)
        year = self.folder / files.name_of(aoi) / f"{taken.start.year:04d}"
        return _Place(path=year / f"{files.name_of(taken.id)}-{digest[:8]}.tif", identity=digest, grid=grid)

    def _without_others(self, place: _Place, damage: _Damaged) -> Stack | None:
        """Looks again with nobody writing: what looked like damage may have been a look that was just replaced."""
        where = f"{place.path}: damaged ({damage})"
        try:
            with files.alone(self.folder):
                try:
                    return _load(place)
                except _Damaged:
                    files.set_aside(place.path)
        except OSError as error:
            self._problems[f"{where}, and cannot be set aside ({error.strerror})"] = None
        else:
            self._problems[f"{where}; set aside as {files.DAMAGED}"] = None
        return None


def _load(place: _Place) -> Stack | None:
    """None: there is nothing, or something else whose name happens to begin the same way."""
    try:
        content = _read(files.record_of(place.path), LARGEST_RECORD)
    except FileNotFoundError:
        return None
    try:
        record = unseal(content)
        if record["identity"] != place.identity:
            return None
        pixels = _read(place.path, record["bytes"])
        if hashlib.sha256(pixels).hexdigest() != record["sha256"]:
            raise _Damaged("the pixels do not have the hash they were recorded with")
        return _stack(record, pixels, place.grid)
    except FileNotFoundError as error:
        raise _Damaged("the pixels are gone") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _Damaged(str(error)) from error


def _read(path: Path, largest: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise _Damaged(f"{path.name} is larger than it was")
    return content


def _stack(record: dict[str, Any], pixels: bytes, grid: Grid) -> Stack:
    """The one way from kept bytes to numbers: for what is about to be written as for what is read years later."""
    codings = {name: Coding(band["coding"]) for name, band in record["bands"].items()}
    kept = {"sha256": record["sha256"], "bytes": record["bytes"]}
    return Stack(grid=grid, bands=unpack(pixels, grid, codings), provenance={**record["provenance"], "archive": kept})


def _unwritable(path: Path, error: OSError) -> WorkspaceError:
    hint = "Give this user the right to write there, or name another folder for the archive."
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        hint = "Make room on the disk, or lower the budget of the archive; what was kept before is not lost."
    return WorkspaceError(f"{path}: cannot be written ({error.strerror or error})", hint)
