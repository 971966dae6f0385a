"""GeoTIFFs of DN in memory: exactly as asked for, or refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from monitor.coded import read_dn
from monitor.errors import SceneError
from monitor.grid import Grid

GRID = Grid(epsg=32652, left=500_000, top=4_700_000, resolution=10, height=7, width=5)
DN = np.random.default_rng(1).integers(0, 65536, (2, 7, 5)).astype(np.uint16)


def image(pixels: NDArray[Any] = DN, driver: str = "GTiff", **changes: Any) -> bytes:
    profile = {
        "driver": driver,
        "count": pixels.shape[0],
        "height": pixels.shape[1],
        "width": pixels.shape[2],
        "dtype": pixels.dtype,
        "crs": "EPSG:32652",
        "transform": Affine(*GRID.transform),
        "compress": "deflate",
    }
    with MemoryFile() as memory:
        with memory.open(**(profile | changes)) as file:
            file.write(pixels)
        content: bytes = memory.read()
    return content


def refused(content: bytes) -> str:
    with pytest.raises(SceneError) as error:
        read_dn(content, GRID, 2)
    assert "vsimem" not in error.value.message
    return error.value.message


def test_what_was_written_is_read() -> None:
    dn = read_dn(image(), GRID, 2)
    assert dn.dtype == np.uint16
    assert (dn == DN).all()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: image(DN[:1]), "has 1 bands of uint16, not 2 of uint16"),
        (lambda: image(DN.astype(np.float32)), "has 2 bands of float32"),
        (lambda: image(DN[:, :3]), "has 3 x 5 pixels, not 7 x 5"),
        (lambda: image(crs="EPSG:32651"), "is in EPSG:32651, not in EPSG:32652"),
        (lambda: image(crs=None), "is in no reference system"),
        (lambda: image(transform=Affine(10, 0, 500_010, 0, -10, 4_700_000)), "lies at (10.0, 0.0, 500010.0"),
        (lambda: image(transform=Affine(10, 0, 500_000, 0, 10, 4_700_000)), "lies at"),
        (lambda: image(transform=Affine(10.001, 0, 500_000, 0, -10, 4_700_000)), "lies at"),
        (lambda: b"", "an empty answer"),
        (lambda: b"<html>not here</html>", "21 bytes are no GeoTIFF"),
        (lambda: image()[:60], "60 bytes are no GeoTIFF"),
        (lambda: image(driver="PNG", compress=None, crs=None), "are no GeoTIFF"),
    ],
)
def test_anything_else_is_refused_and_says_why(content: Callable[[], bytes], reason: str) -> None:
    assert reason in refused(content())


def test_an_image_cut_in_its_pixels_is_refused() -> None:
    whole = image(np.random.default_rng(2).integers(0, 65536, (2, 7, 5)).astype(np.uint16), compress="none")
    with MemoryFile(whole) as memory, memory.open() as file:
        assert file.count == 2
    assert "no GeoTIFF that can be read" in refused(whole[: len(whole) - 20])


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_an_image_without_place_is_refused_not_taken_for_one_elsewhere() -> None:
    assert "lies at" in refused(image(transform=rasterio.transform.Affine.identity()))
