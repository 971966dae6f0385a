"""Accuracy on labelled data: the sets below a folder, found by their files, one parameter set for all of a kind.

| set | known by |
|---|---|
| change-pairs | `*_1`, `*_2`, `*_gt`; or two ENVI images with change, unchanged; or t1_10m, t2_10m, cm |
| ship-chips | images with a VOC file of the same name |
| sen2ships | items.json and a COCO file |
| latakia | items.json and labels.json with zones |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import pages
from benchmarks.accuracy import latakia, optical_pairs, radar_pairs, sen2ships, ship_chips

Figures = dict[str, Any]
DEEPEST = 4
"""Levels of folders below the given one."""

PAIRS: tuple[Callable[[Path], Figures | None], ...] = (radar_pairs.figures, optical_pairs.figures)
SETS: dict[str, Callable[[Path, Path | None], Figures | None]] = {
    "ship-chips": ship_chips.figures,
    "sen2ships": sen2ships.figures,
    "latakia": latakia.figures,
}


def run(folder: Path, drawn: Path | None) -> Figures:
    """Figures by kind of set. A second set of a kind stands under `kind:folder`, a second pair of a name likewise.

    Raises:
        SystemExit: nothing below the folder is such a set.
    """
    found: Figures = {}
    pairs: Figures = {}
    for place in _folders(folder):
        for pair in PAIRS:
            if (scored := pair(place)) is not None:
                pairs[_free(pairs, place.name.lower(), place)] = scored
        for kind, score in SETS.items():
            pictures = None if drawn is None else drawn / f"{kind}-{place.name}"
            if (scored := score(place, pictures)) is not None:
                found[_free(found, kind, place)] = scored
    if pairs:
        found["change-pairs"] = pairs
    if not found:
        raise SystemExit(f"{folder}: no change pair, ship chips, sen2ships or labelled port series was found below it")
    return found


def _folders(top: Path, depth: int = 0) -> Iterator[Path]:
    """The folder and those below it, in order of name."""
    yield top
    if depth < DEEPEST:
        for below in sorted(p for p in top.iterdir() if p.is_dir() and not p.name.startswith(".")):
            yield from _folders(below, depth + 1)


def _free(taken: Figures, name: str, place: Path) -> str:
    return name if name not in taken else f"{name}:{place.parent.name}/{place.name}"


def table(figures: Figures) -> str:
    """One table of all sets: a row each, and the scores that it has."""
    return "\n".join(pages.scores(figures))
