"""Pairs of optical images with truth: found by their files, compared as the product does, scored.

Two layouts: two ENVI images (`*.HDR`, the earlier by name first) with labelled samples in change.bmp and
unchanged.bmp; and Sentinel-2 as in OSCD: t1_10m.tif, t2_10m.tif, 20 m bands where there are any, and cm.tif, whose
greatest value means changed. The 60 m bands are left out: they show the air, not the ground.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.enums import Resampling

from benchmarks.accuracy import scores
from monitor.change.optical_pair import changed

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

RESOLUTIONS = ("10m", "20m")


def figures(folder: Path) -> dict[str, Any] | None:
    """Kappa, PCC, F1, AUC with sizes and counts (`scores.of_map`), bands and threshold; None: no such pair here."""
    headers = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".hdr")
    if len(headers) == 2 and (folder / "change.bmp").is_file() and (folder / "unchanged.bmp").is_file():
        before, after = (_envi(header) for header in headers)
        truth = _sample(folder / "change.bmp")
        return _scored(before, after, truth, truth | _sample(folder / "unchanged.bmp"))
    if all((folder / name).is_file() for name in ("t1_10m.tif", "t2_10m.tif", "cm.tif")):
        with rasterio.open(folder / "cm.tif") as source:
            codes = source.read(1)
        before, after = _sentinel2(folder, codes.shape)
        return _scored(before, after, codes == codes.max(), np.ones(codes.shape, bool))
    return None


def _scored(before: Array, after: Array, truth: Mask, labelled: Mask) -> dict[str, Any]:
    seen = (before != 0).any(axis=0) & (after != 0).any(axis=0)
    made = changed(before, after, seen)
    score = scores.of_map(made.mask, made.score, truth, labelled)
    return score | {"bands": len(before), "threshold": round(made.threshold, 2)}


def _envi(header: Path) -> Array:
    """The image of a header: the file of that name without a suffix, or with that of a raw file."""
    bare = header.with_suffix("")
    image = next(p for p in (bare, *(bare.with_suffix(s) for s in (".img", ".dat", ".bsq"))) if p.is_file())
    with rasterio.open(image) as source:
        bands: Array = source.read(out_dtype=np.float32)
    return bands


def _sample(path: Path) -> Mask:
    with Image.open(path) as image:
        values = np.asarray(image)
    marked: Mask = np.any(values.reshape(*values.shape[:2], -1) > 0, axis=2)
    return marked


def _sentinel2(folder: Path, shape: tuple[int, int]) -> tuple[Array, Array]:
    """Both dates on the grid of the truth, which is the 10 m grid of the first; the bands that both dates have."""
    there = [r for r in RESOLUTIONS if all((folder / f"{date}_{r}.tif").is_file() for date in ("t1", "t2"))]
    before, after = (
        np.concatenate([_resized(folder / f"{date}_{resolution}.tif", shape) for resolution in there])
        for date in ("t1", "t2")
    )
    return before, after


def _resized(path: Path, shape: tuple[int, int]) -> Array:
    with rasterio.open(path) as source:
        bands: Array = source.read(
            out_shape=(source.count, *shape), out_dtype=np.float32, resampling=Resampling.bilinear
        )
    return bands
