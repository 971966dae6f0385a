"""16-bit GeoTIFFs in memory: the form in which a service sends coded pixels."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, MemoryFile

from monitor.errors import SceneError
from monitor.grid import Grid

DRIVER = "GTiff"
"""No other GDAL driver is asked to open what a service sends."""

ALIGNED = 1e-6
"""Pixels. Two grids closer than this are the same."""

AGAIN = "Ask for the pixels again."


def read_dn(content: bytes, grid: Grid, count: int) -> NDArray[np.uint16]:
    """The DN of a GeoTIFF that lies exactly on the grid, shape (count, height, width).

    Raises:
        SceneError: no GeoTIFF, a damaged one, or one with another number of bands, type, size or place.
    """
    if not content:  # rasterio would take it for a file to be written
        raise SceneError("an empty answer, no GeoTIFF", AGAIN)
    try:
        with MemoryFile(content) as memory, memory.open(driver=DRIVER) as dataset:
            if problem := _mismatch(dataset, grid, count):
                raise SceneError(f"the GeoTIFF {problem}", AGAIN)
            dn: NDArray[np.uint16] = dataset.read()
    # A file without place makes rasterio warn; where warnings are errors it arrives here.
    except (RasterioError, OSError, NotGeoreferencedWarning) as error:
        said = (str(error.__cause__ or error).splitlines() or ["no reason given"])[0]
        reason = re.sub(r"/vsimem/[^\s:,']*", "it", said)
        raise SceneError(f"{len(content)} bytes are no GeoTIFF that can be read ({reason})", AGAIN) from error
    return dn


def _mismatch(dataset: DatasetReader, grid: Grid, count: int) -> str:
    """What of the file is not as the grid; empty if all is. Nothing but its header has been read."""
    if (dataset.count, set(dataset.dtypes)) != (count, {"uint16"}):
        return f"has {dataset.count} bands of {', '.join(sorted(set(dataset.dtypes)))}, not {count} of uint16"
    if dataset.shape != grid.shape:
        return f"has {dataset.height} x {dataset.width} pixels, not {grid.height} x {grid.width}"
    if dataset.crs is None or dataset.crs.to_epsg() != grid.epsg:
        return f"is in {dataset.crs or 'no reference system'}, not in EPSG:{grid.epsg}"
    off = [abs(is_ - ought) for is_, ought in zip(dataset.transform[:6], grid.transform, strict=True)]
    # The steps of a pixel add up over the whole width or height.
    reach = max(grid.shape)
    if max(off[i] * (1 if i in {2, 5} else reach) for i in range(6)) > ALIGNED * grid.resolution:
        return f"lies at {tuple(dataset.transform[:6])}, not at {grid.transform}"
    return ""
