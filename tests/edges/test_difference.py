"""The picture of a difference: both directions in their colours, on a symmetric scale, and what was not seen."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor

from monitor import pictures
from monitor.grid import Grid
from monitor.pictures import Snapshot, difference_picture

GRID = Grid(epsg=32652, left=500_000, top=4_700_000, resolution=10, height=200, width=200)
TOP, PANEL = 72, 832


def snapshot(level: float = -15.0, *, rgb: bool = False) -> Snapshot:
    shape = (*GRID.shape, 3) if rgb else GRID.shape
    image: NDArray[np.float32] = np.full(shape, level, np.float32)
    return Snapshot(image=image, grid=GRID, caption="2024-10-04 09:20 UTC, s1", boxes=None, unit="1" if rgb else "dB")


def patched(rows: slice, columns: slice, level: float, start: Snapshot) -> Snapshot:
    image = start.image.copy()
    image[rows, columns] = level
    return replace(start, image=image)


def drawn(before: Snapshot, after: Snapshot, **options: Any) -> Image.Image:
    settings: dict[str, Any] = {"simulated": False} | options
    png = difference_picture(before, after, [], **settings)
    assert len(png) < pictures.LARGEST
    return Image.open(io.BytesIO(png)).convert("RGB")


def at(image: Image.Image, row: int, column: int, top: int = TOP) -> tuple[int, ...]:
    """Colour of a pixel of the grid."""
    step = PANEL / GRID.width
    colour = image.getpixel((round(14 + (column + 0.5) * step), round(top + (row + 0.5) * step)))
    assert isinstance(colour, tuple)
    return colour


def is_blue(colour: tuple[int, ...]) -> bool:
    return colour[2] > colour[0] + 40


def is_orange(colour: tuple[int, ...]) -> bool:
    return colour[0] > colour[2] + 40


@pytest.mark.parametrize(("rgb", "usual", "change"), [(False, -15.0, 10.0), (True, 0.1, 0.1)])
def test_brighter_is_orange_darker_blue_and_the_same_white(rgb: bool, usual: float, change: float) -> None:
    before = snapshot(usual, rgb=rgb)
    after = patched(slice(40, 80), slice(40, 80), usual + change, before)
    after = patched(slice(120, 160), slice(120, 160), usual - change, after)
    image = drawn(before, after)
    assert is_orange(at(image, 60, 60))
    assert is_blue(at(image, 140, 140))
    assert min(at(image, 100, 100)) > 245
    swapped = drawn(after, before)
    assert is_blue(at(swapped, 60, 60))
    assert is_orange(at(swapped, 140, 140))


def test_what_was_not_seen_in_one_of_the_two_is_not_shown_as_the_same() -> None:
    before = patched(slice(40, 80), slice(40, 80), float("nan"), snapshot())
    after = patched(slice(120, 160), slice(120, 160), float("nan"), snapshot())
    image = drawn(before, after)
    grey = ImageColor.getrgb("#c8c8c8")
    for row, column in ((60, 60), (140, 140)):
        near = np.asarray([at(image, row + r, column + c) for r in range(-5, 6) for c in range(-5, 6)])
        assert (np.abs(near - grey).max(axis=1) < 12).mean() > 0.5
    assert min(at(image, 100, 100)) > 245


def test_speckle_is_averaged_and_a_simulated_look_says_so() -> None:
    random = np.random.default_rng(1)
    looks = [
        replace(snapshot(), image=(10 * np.log10(random.gamma(4.4, 0.01, GRID.shape))).astype(np.float32)) for _ in "ab"
    ]
    image = drawn(looks[0], looks[1], simulated=True)
    assert image.getpixel((5, 5)) == pytest.approx(ImageColor.getrgb(pictures.STAMP), abs=4)


def test_only_looks_of_one_sensor_and_grid_are_compared() -> None:
    with pytest.raises(ValueError, match="one sensor"):
        drawn(snapshot(), snapshot(0.1, rgb=True))
    with pytest.raises(ValueError, match="same grid"):
        drawn(snapshot(), replace(snapshot(), grid=replace(GRID, left=0)))


def test_nothing_seen_at_all_is_a_picture_too() -> None:
    nothing = snapshot(float("nan"))
    assert drawn(nothing, nothing).width == pictures.WIDTH
