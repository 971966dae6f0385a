"""One pass read band by band: all its scenes side by side, checked, joined, and told how."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor import quality, rasters
from monitor.errors import SceneError
from monitor.grid import Grid
from monitor.scene import Asset, Pass, Scene, Sensor
from monitor.sources import offsets
from monitor.sources.items import CLASSES
from monitor.sources.web import shown
from monitor.stack import Stack

LEAST_CLEAR = 0.02
"""Share of the grid free of cloud below which a look is not worth its other bands."""

Band = NDArray[np.float32]
ReadBand = Callable[[Asset, Grid], Band]
"""As `rasters.read_band`."""


@dataclass(kw_only=True)
class Reading:
    """A pass being read onto a grid."""

    read: ReadBand
    pool: Executor
    """For single bands. Nothing that runs in it waits for it."""

    taken: Pass
    grid: Grid
    parts: dict[str, list[Band]] = field(default_factory=dict)
    """Band -> one array for each scene, (height, width), NaN = not seen."""

    notes: list[str] = field(default_factory=list)
    """What was found out on the way, a sentence each."""

    corrected: dict[str, str] = field(default_factory=dict)
    """Scene -> why its offset is not the one stated."""

    def fetch(self, bands: Sequence[str]) -> None:
        """Reads bands that all scenes have, and corrects offsets that the pixels show to be wrong.

        Of Sentinel-2 the classification is read first. If hardly a pixel is free of cloud, nothing else is.

        Raises:
            SceneError: a band can never be read.
            SourceError: a band cannot be read now.
        """
        wanted = list(bands)
        if self.taken.track.sensor is Sensor.SENTINEL2 and CLASSES in wanted:
            self._fetch([CLASSES])
            wanted = [b for b in wanted if b != CLASSES] if self._is_worth_it() else []
        self._fetch(wanted)
        for number, scene in enumerate(self.taken.scenes):
            self._check_offset(number, scene)

    def joined(self) -> dict[str, Band]:
        """The bands of all scenes on the grid."""
        return {b: rasters.joined(parts) for b, parts in self.parts.items()}

    def provenance(self) -> dict[str, Any]:
        """What was read, and as what. JSON values; addresses without signatures."""
        return {"scenes": [self._told(s) for s in self.taken.scenes], "notes": list(self.notes)}

    def _fetch(self, bands: Sequence[str]) -> None:
        rows = [[self.pool.submit(self.read, s.assets[b], self.grid) for s in self.taken.scenes] for b in bands]
        _wait([future for row in rows for future in row])
        self.parts |= {b: [future.result() for future in row] for b, row in zip(bands, rows, strict=True)}

    def _is_worth_it(self) -> bool:
        scl = Stack(grid=self.grid, bands={CLASSES: rasters.joined(self.parts[CLASSES])})
        share = float(np.mean(quality.clear(scl, Sensor.SENTINEL2)))
        if share < LEAST_CLEAR:
            self.notes.append(f"{share:.2%} of the grid is free of cloud: only the classification was read")
        return share >= LEAST_CLEAR

    def _check_offset(self, number: int, scene: Scene) -> None:
        """All bands of a product are right or wrong together."""
        doubtful = [b for b in self.parts if scene.assets[b].doubtful_offset]
        if not doubtful:
            return
        stated = scene.assets[doubtful[0]].offset
        clear = offsets.clear_ground(self.parts[CLASSES][number]) if CLASSES in self.parts else None
        taken_out = offsets.taken_out([self.parts[b][number] for b in doubtful], clear, stated)
        note = f"{scene.id}: {_verdict(taken_out, stated)}"
        self.notes.append(note)
        if taken_out:
            self.corrected[scene.id] = note
            for band in doubtful:
                self.parts[band][number] = self.parts[band][number] - np.float32(stated)

    def _told(self, scene: Scene) -> dict[str, Any]:
        assets = {b: _told(scene.assets[b]) for b in self.parts}
        if scene.id in self.corrected:
            assets = {b: a | ({"offset": 0.0} if scene.assets[b].doubtful_offset else {}) for b, a in assets.items()}
        return {
            "id": scene.id,
            "collection": scene.item.get("collection"),
            "platform": scene.platform,
            "baseline": scene.baseline,
            "processed": scene.processed,
            "assets": assets,
        }


def _verdict(taken_out: bool | None, stated: float) -> str:
    if taken_out is None:
        return f"too few clear pixels to check the offset {stated:g}, which is used as it should be"
    if taken_out:
        return f"its darkest pixels show that the offset {stated:g} is in them already, so it is not applied again"
    return f"no pixel is too dark for the offset {stated:g}"


def _told(asset: Asset) -> dict[str, Any]:
    nodata = asset.nodata
    return {
        "href": shown(asset.href),
        "unit": asset.unit.value,
        "scale": asset.scale,
        "offset": asset.offset,
        "nodata": "nan" if nodata is not None and math.isnan(nodata) else nodata,
    }


def _wait(futures: Sequence[Future[Band]]) -> None:
    """Until all are done, or one has failed. What is final is told before what may pass."""
    _, left = wait(futures, return_when=FIRST_EXCEPTION)
    for future in left:
        future.cancel()
    wait(left)
    errors = [e for f in futures if not f.cancelled() and (e := f.exception()) is not None]
    if errors:
        raise next((e for e in errors if isinstance(e, SceneError)), errors[0])
