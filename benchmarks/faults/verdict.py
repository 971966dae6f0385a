"""What was recorded against what was there: which looks, of which scenes, with which pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from servers.sentinel_hub import truth

from benchmarks.faults.ground import BANDS, seen
from benchmarks.faults.month import HUB, Month
from benchmarks.faults.passes import CLOUDS, MINUTE, Overflight, Part, Product
from monitor.aoi import Aoi
from monitor.coding import LOWEST_DB, STEP_DB, STEP_REFLECTANCE
from monitor.flow.imagery import bands_of
from monitor.grid import Grid
from monitor.look import Look
from monitor.measures import Reason
from monitor.quality import LEAST_OF_USUAL
from monitor.scene import Sensor, by_pass
from monitor.stack import Stack
from monitor.times import utc

SAME_PASS = 20 * MINUTE
"""Catalogues date a pass by its datatake or by its tile."""

OFF_DB = STEP_DB
OFF_REFLECTANCE = STEP_REFLECTANCE
OFF_INTERPOLATED = 2 * STEP_REFLECTANCE
"""Where a tile lies in another zone than the AOI: rounded in the product, interpolated, rounded in the archive. Half a
pixel beside its place, a value would be ten steps off."""

OFF_AT_RIM = 10 * STEP_REFLECTANCE
RIM_M = 20.0
"""On the outermost pixel of such a tile there is nothing to interpolate with: it may be half a pixel off."""

STRIPE_EDGE_M = 30.0
"""Classes are compared where they are the same so far east and west: in another zone they lie up to a pixel off."""

MADE = "%Y-%m-%dT%H:%M:%S"
RADAR_BANDS = ("vv", "vh")
Image = NDArray[np.float64]
Mask = NDArray[np.bool_]
Item = Mapping[str, Any]


@dataclass(kw_only=True)
class Verdict:
    """The figures, and a line for each look that is not as it should be."""

    expected: int = 0
    once: int = 0
    twice: int = 0
    wrong: int = 0
    complaints: list[str] = field(default_factory=list)


def judged(month: Month) -> Verdict:
    """All looks of all AOIs."""
    verdict = Verdict()
    for place, aoi in month.aois:
        case = _Case(month=month, aoi=aoi, flown=[o for o in month.flown if o.place.name == place])
        case.judge(verdict)
    return verdict


@dataclass(frozen=True)
class Recorded:
    """A look as the workspace has it."""

    look: Look
    items: Sequence[tuple[str, Item]]
    """Source and catalogue answer of each scene."""

    def is_of(self, over: Overflight) -> bool:
        """True if it is a look at that pass."""
        track = self.look.track
        same = (track.sensor, track.relative_orbit, self.look.platform) == (
            over.sensor,
            over.relative_orbit,
            over.platform,
        )
        return same and abs(self.look.start - over.start) <= SAME_PASS


@dataclass(frozen=True, kw_only=True)
class _Case:
    """One AOI."""

    month: Month
    aoi: Aoi
    flown: Sequence[Overflight]

    def judge(self, verdict: Verdict) -> None:
        with self.month.desk.store.transaction() as tx:
            looks = [Recorded(look, tx.items(self.aoi.id, look.id)) for look, _ in tx.looks(self.aoi.id)]
        for over in self.flown:
            parts = over.touching(self.aoi.outline)
            if not parts:
                continue
            verdict.expected += 1
            found = [r for r in looks if r.is_of(over)]
            looks = [r for r in looks if r not in found]
            verdict.twice += len(found) > 1
            faults = [fault for r in found for fault in self._faults(r, over, parts)]
            verdict.once += len(found) == 1 and not any(f.startswith("scenes") for f in faults)
            verdict.wrong += bool(faults)
            if len(found) != 1:
                faults.insert(0, f"recorded {len(found)} times: {', '.join(r.look.id for r in found)}")
            verdict.complaints += [f"{self.aoi.id}: {over.platform} {over.start:%m-%d %H:%M}: {f}" for f in faults]
        verdict.wrong += len(looks)
        verdict.complaints += [f"{self.aoi.id}: {r.look.id}: there was no such pass" for r in looks]

    def _faults(self, recorded: Recorded, over: Overflight, parts: Sequence[Part]) -> Iterator[str]:
        """What is wrong with a look of that pass, whose parts these are."""
        products = [_right(part, recorded) for part in parts]
        shown = [product or part.versions[-1] for part, product in zip(parts, products, strict=True)]
        if len(recorded.items) != len(parts) or None in products:
            yield f"scenes are {[_name(item) for _, item in recorded.items]}"
        there = self._there(over.sensor, parts)
        share = float((there & self._outline).sum() / self._outline.sum())
        if recorded.look.reason not in _reasons(share, shown[0]):
            yield f"{recorded.look.reason}: {recorded.look.detail}"
        if abs(recorded.look.valid_fraction - share) > 1e-9:
            yield f"valid fraction {recorded.look.valid_fraction:.4f}, not {share:.4f}"
        stack = self._kept(recorded)
        if stack is None:
            yield "its pixels are not in the archive"
            return
        yield from self._off(stack, there, parts, shown)

    def _kept(self, recorded: Recorded) -> Stack | None:
        """The pixels of a look from the archive; None: they are not there."""
        imagery = self.month.desk.imagery
        passes = by_pass(imagery.restored(recorded.items))
        if len(passes) != 1 or imagery.archive is None:
            return None
        return imagery.archive.get(self.aoi.id, passes[0], self.aoi.grid(), bands_of(passes[0].track))

    def _off(self, stack: Stack, there: Mask, parts: Sequence[Part], shown: Sequence[Product]) -> Iterator[str]:
        """Bands that are missing or not as they should be."""
        for band in BANDS if parts[0].seen else RADAR_BANDS:
            if band not in stack.bands:
                if shown[0].classes != CLOUDS:  # under cloud the others need not be read
                    yield f"{band} is missing"
                continue
            values = stack.bands[band].astype(np.float64)
            known = np.isfinite(values)
            if (known != there).any():
                yield f"{band}: {known.mean():.2%} seen, not {there.mean():.2%}"
            off = self._differs(band, values, parts, shown)[known]
            if off.any():
                yield f"{band}: {off.mean():.2%} of its pixels are not as they were"

    def _differs(self, band: str, values: Image, parts: Sequence[Part], shown: Sequence[Product]) -> Mask:
        """Shape of the grid: where the values are not the true ones."""
        record, scenery, grid = shown[0].record, self.month.scenery, self.aoi.grid()
        if band in RADAR_BANDS:
            right = _joined([truth(scenery, p.record, band.upper(), grid) for p in shown])
            off_db = np.abs(10 * np.log10(values) - np.maximum(10 * np.log10(right), LOWEST_DB))
            return np.asarray(off_db > OFF_DB)
        right = scenery.optical(record.id, band, grid)
        if band == "scl":
            beside = [scenery.optical(record.id, band, grid, m) for m in (-STRIPE_EDGE_M, STRIPE_EDGE_M)]
            return np.asarray((values != right) & (beside[0] == right) & (beside[1] == right))
        return np.asarray(np.abs(values - right) > _most(parts, grid))

    def _there(self, sensor: Sensor, parts: Sequence[Part]) -> Mask:
        """Shape of the grid: where the pass saw the ground."""
        if sensor is Sensor.SENTINEL2:
            return seen(parts, self.aoi.grid())
        records = [p.versions[-1].record for p in parts]
        return np.isfinite(_joined([truth(self.month.scenery, r, "VV", self.aoi.grid()) for r in records]))

    @cached_property
    def _outline(self) -> Mask:
        """Shape of the grid: inside the AOI."""
        return self.aoi.grid().mask_of(self.aoi.outline)


def _reasons(share: float, product: Product) -> set[Reason | None]:
    """Why a look may be of no use; None: it may be of use."""
    allowed: set[Reason | None] = {None}
    if share < LEAST_OF_USUAL:
        allowed |= {Reason.NOT_COVERED, Reason.PARTLY_COVERED}
    if product.classes == CLOUDS:
        allowed.add(Reason.CLOUD)
    return allowed


def _joined(parts: Sequence[Image]) -> Image:
    out = parts[0]
    for part in parts[1:]:
        out = np.where(np.isnan(out), part, out)
    return out


def _most(parts: Sequence[Part], grid: Grid) -> Image:
    """How far off a reflectance may be, (height, width)."""
    most = np.full(grid.shape, OFF_REFLECTANCE)
    foreign = [p for p in parts if p.tile is not None and p.tile.epsg != grid.epsg]
    if foreign:
        most[:] = OFF_INTERPOLATED
        most[seen(foreign, grid) & ~seen(foreign, grid, within_m=RIM_M)] = OFF_AT_RIM
    return most


def _right(part: Part, recorded: Recorded) -> Product | None:
    """The product that a look shows of a part; None: it shows none of it, or one that it should not.

    It should show the newest. One of the same baseline that was taken from the service, in place of the files, stays:
    a look is not fetched again from another source for a product that is as good.
    """
    given = {_name(item): source for source, item in recorded.items}
    newest = part.versions[-1]
    for product in reversed(part.versions):
        as_good = product is newest or (part.seen is not None and product.record.baseline == newest.record.baseline)
        if (product.files_id, f"{product.processed:{MADE}}") in given and product is newest:
            return product
        if given.get((product.record.id, f"{product.processed:{MADE}}")) == HUB and as_good:
            return product
    return None


def _name(item: Item) -> tuple[str, str]:
    """Id of a catalogue's answer, and when it says that the product was made."""
    stated = item["properties"].get("s2:generation_time") or item["properties"]["processing:datetime"]
    return str(item["id"]), f"{utc(stated):{MADE}}"
