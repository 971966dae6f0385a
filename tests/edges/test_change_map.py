"""The picture of a comparison: both looks, what changed in its colours, and what was not compared."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor

from monitor import pictures
from monitor.grid import Grid, Mask
from monitor.pictures import ChangeMap, Snapshot, change_picture

GRID = Grid(epsg=32652, left=500_000, top=4_700_000, resolution=10, height=300, width=400)
ZONE = np.array([(501_000, 4_699_000), (502_000, 4_699_000), (502_000, 4_698_000), (501_000, 4_698_000)], float)
WIDTH = 1500
PANEL = 481
TITLE = 72


def snapshot(seed: int, grid: Grid = GRID) -> Snapshot:
    """Speckle over a quiet sea."""
    power = np.random.default_rng(seed).gamma(4.4, 0.012 / 4.4, grid.shape)
    image: NDArray[np.float32] = (10 * np.log10(power)).astype(np.float32)
    return Snapshot(image=image, grid=grid, caption="12 Sep 2024, S1 orbit 87", boxes=None, unit="dB")


def coloured(seed: int) -> Snapshot:
    rgb: NDArray[np.float32] = np.random.default_rng(seed).uniform(0.02, 0.2, (*GRID.shape, 3)).astype(np.float32)
    return replace(snapshot(seed), image=rgb, unit="1")


def mask(rows: slice = slice(0), columns: slice = slice(0), shape: tuple[int, int] = GRID.shape) -> Mask:
    made: Mask = np.zeros(shape, bool)
    made[rows, columns] = True
    return made


def change(brighter: Mask | None = None, darker: Mask | None = None, unseen: Mask | None = None) -> ChangeMap:
    nothing = mask()
    return ChangeMap(
        compared=~(nothing if unseen is None else unseen),
        brighter=nothing if brighter is None else brighter,
        darker=nothing if darker is None else darker,
    )


def drawn(
    made: ChangeMap, before: Snapshot | None = None, after: Snapshot | None = None, **options: Any
) -> Image.Image:
    png = change_picture(before or snapshot(1), after or snapshot(2), made, options.pop("zones", {}), **options)
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    assert len(png) < 600_000
    return image.convert("RGB")


def panel(image: Image.Image, number: int, top: int = TITLE) -> Image.Image:
    left = 14 + number * (PANEL + 14)
    return image.crop((left + 2, top + 2, left + PANEL - 2, top + 358))


def share(image: Image.Image, colour: str, tolerance: int = 12) -> float:
    wanted = np.array(ImageColor.getrgb(colour))
    return float((np.abs(np.asarray(image).astype(int) - wanted).max(axis=2) <= tolerance).mean())


@pytest.mark.parametrize("look", [snapshot, coloured])
def test_areas_of_change_are_shown_in_their_size_and_their_colours(look: Any) -> None:
    made = change(brighter=mask(slice(100, 200), slice(50, 170)), darker=mask(slice(220, 280), slice(200, 250)))
    image = drawn(made, look(1), look(2))
    assert image.width == WIDTH
    assert share(panel(image, 2), pictures.ORANGE) == pytest.approx(0.1, abs=0.01)
    assert share(panel(image, 2), pictures.BLUE) == pytest.approx(0.025, abs=0.004)
    for number in (0, 1):
        assert share(panel(image, number), pictures.ORANGE) < 0.01
        assert share(panel(image, number), pictures.BLUE) < 0.01


@pytest.mark.parametrize("look", [snapshot, coloured])
def test_a_single_pixel_of_change_keeps_its_colour(look: Any) -> None:
    image = drawn(change(brighter=mask(slice(100, 101), slice(200, 201))), look(1), look(2))
    assert share(panel(image, 2), pictures.ORANGE) > 0
    legend = image.crop((0, image.height - 60, WIDTH, image.height - 30))
    assert share(legend, pictures.ORANGE) > 0.003
    assert share(legend, pictures.BLUE) > 0.003
    assert share(image, "white", 0) > 0.2, "paper stays white"


def test_what_was_not_compared_is_hatched_and_not_pale() -> None:
    unseen = mask(slice(0, 300), slice(200, 400))
    with_holes = panel(drawn(change(unseen=unseen)), 2)
    left, right = (np.asarray(with_holes.crop(box).convert("L")) for box in ((20, 50, 200, 250), (260, 130, 470, 350)))
    assert (abs(right.astype(int) - 200) < 4).mean() > 0.5
    assert (abs(right.astype(int) - 140) < 4).mean() > 0.01
    assert (abs(left.astype(int) - 200) < 4).mean() < 0.5
    everything = drawn(change(unseen=np.ones(GRID.shape, bool)))
    assert everything.size == drawn(change()).size


def test_zones_are_outlined_in_every_panel() -> None:
    image = drawn(change(), zones={"berths": [ZONE]})
    for number in range(3):
        assert share(panel(image, number), pictures.SKY) > 0.002
        assert share(panel(drawn(change()), number), pictures.SKY) == 0


def test_simulated_is_stamped_and_the_source_is_named() -> None:
    plain, stamped = drawn(change()), drawn(change(), simulated=True)
    assert stamped.height == plain.height + pictures.BANNER
    assert share(stamped.crop((0, 0, WIDTH, pictures.BANNER)), pictures.STAMP) > 0.8
    assert share(plain, pictures.STAMP) == 0
    foot = (0, plain.height - 26, WIDTH, plain.height)
    credited = drawn(change(), attribution="Contains modified Copernicus Sentinel data [2024]")
    assert share(credited.crop(foot), "#555555", 40) > share(plain.crop(foot), "#555555", 40)


def test_both_looks_share_one_stretch() -> None:
    brighter = replace(snapshot(2), image=snapshot(2).image + np.float32(6))
    image = drawn(change(), snapshot(1), brighter)
    first, second = (np.asarray(panel(image, number).convert("L")).mean() for number in (0, 1))
    assert second > first + 30


def test_two_grids_are_refused() -> None:
    with pytest.raises(ValueError, match="same grid"):
        change_picture(snapshot(1), snapshot(2, replace(GRID, left=0.0)), change(), {})


@pytest.mark.parametrize("shape", [(1, 1), (20, 900), (1500, 60)])
def test_any_shape_of_area(shape: tuple[int, int]) -> None:
    grid = replace(GRID, height=shape[0], width=shape[1])
    none = mask(shape=shape)
    made = ChangeMap(compared=~none, brighter=~none, darker=none)
    image = drawn(made, snapshot(1, grid), snapshot(2, grid), zones={"all": [ZONE]})
    assert image.height < 900


def test_odd_names_are_drawn_as_they_are() -> None:
    odd = "$x^2 나진항\n{bad}"
    drawn(change(), replace(snapshot(1), caption=odd), zones={odd: [ZONE]}, attribution=odd)


def test_the_same_looks_give_the_same_bytes() -> None:
    once, again = (change_picture(snapshot(1), snapshot(2), change(), {"a": [ZONE]}) for _ in range(2))
    assert once == again
