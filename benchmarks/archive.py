"""What keeping looks in 16 bits costs: the error against the pixels as read, bytes a look, time to keep and to find."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from benchmarks import places
from monitor.aoi import Aoi, whole
from monitor.archive import Archive
from monitor.flow.imagery import bands_of
from monitor.scene import Pass, Sensor, by_pass
from monitor.sources.folder import FolderSource
from monitor.times import Interval, utc

EVER = Interval(start=utc("2014-01-01"), end=utc("2100-01-01"))
MOST = 40
"""Looks. More change nothing in the figures."""


def run(folder: Path | None, _pictures: Path | None) -> dict[str, Any]:
    """Figures of the radar looks of a folder such as shared/data/california-rtc, over the box of its first scene."""
    if folder is None:
        raise SystemExit("archive needs a folder")
    source, outline = FolderSource(folder), shapely.box(*places.items(folder)[0]["bbox"])
    aoi = Aoi(id="bench", name="First scene", outline=outline, zones=(whole(outline),))
    grid = aoi.grid()
    passes = [p for p in by_pass(source.search(aoi, EVER)) if p.track.sensor is Sensor.SENTINEL1][:MOST]
    errors: list[NDArray[np.float64]] = []
    shifts, keeping, finding = [], [], []
    with tempfile.TemporaryDirectory(prefix="quaywatch-bench-") as name:
        archive = Archive(Path(name))
        for taken in passes:
            asked = bands_of(taken.track)
            read = source.read(taken, grid, asked)
            begun = time.perf_counter()
            archive.keep("bench", taken, read, bands=asked, as_of=taken.start)
            written = time.perf_counter()
            kept = archive.get("bench", taken, grid, asked)
            finding.append(time.perf_counter() - written)
            keeping.append(written - begun)
            if kept is None:
                raise SystemExit(f"{taken.id}: was kept, and is not found")
            for band, values in read.bands.items():
                off, shift = _difference(values, kept.bands[band])
                errors.append(off)
                shifts.append(shift)
        size = sum(e.bytes for e in archive.entries())
    return _figures(passes, grid.height * grid.width, errors, shifts, size) | {
        "keep_ms": round(1e3 * float(np.median(keeping)), 1),
        "find_ms": round(1e3 * float(np.median(finding)), 1),
    }


def _difference(read: NDArray[np.float32], kept: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    """Differences of the seen pixels within the range of the coding, dB; shift of their mean power, dB."""
    seen = np.isfinite(read) & (read > 1e-5)
    before, after = read[seen].astype(np.float64), kept[seen].astype(np.float64)
    off: NDArray[np.float64] = 10 * np.log10(after) - 10 * np.log10(before)
    return off, float(10 * np.log10(after.mean() / before.mean()))


def _figures(
    passes: list[Pass], pixels: int, errors: list[NDArray[np.float64]], shifts: list[float], size: int
) -> dict[str, Any]:
    every = np.concatenate(errors)
    return {
        "looks": len(passes),
        "bands": len(errors),
        "pixels_a_look": pixels,
        "rms_error_db": round(float(np.sqrt(np.mean(every**2))), 6),
        "largest_error_db": round(float(np.abs(every).max()), 6),
        "largest_shift_of_a_mean_db": float(f"{np.abs(shifts).max():.1e}"),
        "kb_a_look": round(size / len(passes) / 1e3, 1),
        "bytes_a_pixel_and_band": round(size / len(errors) / pixels, 2),
    }
