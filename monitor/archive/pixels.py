"""The pixels of a look as one GeoTIFF of 16-bit numbers, in memory. The only module here that writes with GDAL."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from monitor.coded import read_dn
from monitor.coding import (
    LARGEST,
    LOWEST_DB,
    LOWEST_REFLECTANCE,
    STEP_DB,
    STEP_REFLECTANCE,
    Coding,
    decode,
    encode,
)
from monitor.errors import SceneError
from monitor.grid import Grid
from monitor.stack import Stack

NOT_SEEN: Final = 0
"""DN of a pixel that the pass did not see."""

LINE: Final = {
    Coding.POWER: (STEP_DB, LOWEST_DB - STEP_DB, "dB"),
    Coding.REFLECTANCE: (STEP_REFLECTANCE, LOWEST_REFLECTANCE - STEP_REFLECTANCE, "1"),
    Coding.CLASSES: (1.0, 0.0, "class"),
}
"""Scale, offset and unit: value = DN * scale + offset. They are written into the file, so that any GIS shows decibels
or reflectance, and they are part of a kept look's identity: DN of another line are never read along this one."""

# Measured on looks of 500 x 500 pixels, VV + VH as floats: 1.82 bytes a pixel and band; deflate gives the same size and
# takes three times as long to write. Level 9 would take off 1 % (reflectance: 2 to 4 %), and more than twice the time.
# Predictor 2 takes off 3 to 16 % against none. Strips of 256 rows let a GIS show a part; tiles would be 1 % larger.
FORM: Final = {
    "driver": "GTiff",
    "dtype": "uint16",
    "nodata": NOT_SEEN,
    "compress": "zstd",
    "zstd_level": 1,
    "predictor": 2,
    "interleave": "band",
    "bigtiff": "if_safer",
}
ROWS_OF_A_STRIP: Final = 256


def pack(stack: Stack, codings: Mapping[str, Coding]) -> bytes:
    """The bands of the stack, in the order of `codings`, as the bytes of a GeoTIFF. Equal stacks give equal bytes."""
    grid = stack.grid
    with MemoryFile() as memory:
        with memory.open(
            **FORM,
            height=grid.height,
            width=grid.width,
            count=len(codings),
            crs=CRS.from_epsg(grid.epsg),
            transform=Affine(*grid.transform),
            blockysize=min(ROWS_OF_A_STRIP, grid.height),
        ) as file:
            file.descriptions = tuple(codings)
            file.scales, file.offsets, file.units = zip(*(LINE[c] for c in codings.values()), strict=True)
            for number, (name, coding) in enumerate(codings.items(), start=1):
                file.write(encode(stack.bands[name], coding), number)
        return bytes(memory.getbuffer())


def unpack(content: bytes, grid: Grid, codings: Mapping[str, Coding]) -> dict[str, NDArray[np.float32]]:
    """What `pack` made, as bands of shape (height, width): linear power, reflectance or classes; NaN = not seen.

    Raises:
        ValueError: the content is no such GeoTIFF, has another number of bands, or lies on another grid.
    """
    try:
        dn = read_dn(content, grid, len(codings))
    except SceneError as error:
        raise ValueError(error.message) from error
    return {name: np.take(_values(coding), dn[index]) for index, (name, coding) in enumerate(codings.items())}


@cache
def _values(coding: Coding) -> NDArray[np.float32]:
    """The value of each DN, shape (65536,). Looked up: 15 times faster than computing, and the same at every pixel."""
    table = decode(np.arange(LARGEST + 1, dtype=np.uint16), coding)
    table.flags.writeable = False
    return table
