"""Pictures: they decode, have the stated size, are small, and show what they were given."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageColor

from monitor import pictures
from monitor.alert import Incident, Kind, State
from monitor.grid import Grid
from monitor.message import Unused
from monitor.pictures import SeriesPoint, Snapshot, before_after, look_picture, series_plot

GRID = Grid(epsg=32652, left=500_000, top=4_700_000, resolution=10, height=300, width=400)
ZONE = np.array([(501_000, 4_699_000), (502_000, 4_699_000), (502_000, 4_698_000), (501_000, 4_698_000)], float)
START = datetime(2023, 1, 3, tzinfo=UTC)


def snapshot(seed: int = 1, **changed: Any) -> Snapshot:
    """Speckle over a quiet sea with one ship."""
    power = np.random.default_rng(seed).gamma(4.4, 0.012 / 4.4, GRID.shape)
    power[150:153, 140:152] = 3.0
    made = Snapshot(
        image=(10 * np.log10(power)).astype(np.float32),
        grid=GRID,
        caption="12 Sep 2024, S1 orbit 87 ascending VV",
        boxes=[(150, 140, 153, 152)],
        unit="dB",
    )
    return replace(made, **changed)


def decoded(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    assert len(png) <= 150_000
    return image.convert("RGB")


def share(image: Image.Image, colour: str, tolerance: int = 12) -> float:
    """Share of the pixels within the tolerance of a colour."""
    wanted = np.array(ImageColor.getrgb(colour))
    return float((np.abs(np.asarray(image).astype(int) - wanted).max(axis=2) <= tolerance).mean())


def points(n: int = 60) -> list[SeriesPoint]:
    return [
        SeriesPoint(
            at=START + timedelta(days=6 * i),
            value=float(i % 3),
            usual=None if i < 8 else 1.0,
            low=None if i < 8 else 0.0,
            high=None if i < 8 else 2.0,
            track=("S1 orbit 87", "S1 orbit 21")[i % 2],
        )
        for i in range(n)
    ]


SURGE = Incident(
    aoi="a",
    zone="z",
    measure="vessel_count",
    kind=Kind.SURGE,
    state=State.CONFIRMED,
    onset=START + timedelta(days=200),
    raised=START + timedelta(days=230),
)


def test_before_after_has_its_size_and_its_frames() -> None:
    image = decoded(before_after(snapshot(1), snapshot(2), [ZONE], simulated=False, attribution="Copernicus"))
    assert image.size == (1000, pictures.HEAD + 479 + pictures.FOOT)
    assert len(image.getcolors(1 << 24) or []) > 20
    assert share(image, pictures.ORANGE) > 0.0003
    assert share(image, pictures.SKY) > 0.001
    assert share(image, pictures.STAMP) == 0


def test_simulated_pictures_are_stamped() -> None:
    plain = decoded(before_after(snapshot(1), snapshot(2), [ZONE], simulated=False))
    stamped = decoded(before_after(snapshot(1), snapshot(2), [ZONE], simulated=True))
    assert stamped.height == plain.height + pictures.BANNER
    for png in (
        before_after(snapshot(1), snapshot(2), [ZONE], simulated=True),
        look_picture(snapshot(), {"berths": [ZONE]}, simulated=True),
        series_plot(points(), [], None, "count", "x", simulated=True),
    ):
        assert share(decoded(png).crop((0, 0, 1000, pictures.BANNER)), pictures.STAMP) > 0.8


def test_both_panels_share_one_stretch() -> None:
    """A look 6 dB brighter must look brighter, not be stretched back."""
    brighter = snapshot(1, image=snapshot(1).image + np.float32(6), boxes=[])
    image = decoded(before_after(snapshot(1, boxes=[]), brighter, [ZONE], simulated=False)).convert("L")
    left, right = (np.asarray(image.crop((x, 200, x + 300, 400))).mean() for x in (100, 593))
    assert right > left + 30


def test_unseen_pixels_are_hatched() -> None:
    image = snapshot().image.copy()
    image[:, 250:] = np.nan
    hidden = decoded(look_picture(snapshot(image=image), {}))
    right = np.asarray(hidden.convert("L").crop((700, 100, 960, 600)))
    assert (abs(right.astype(int) - 200) < 4).mean() > 0.5
    assert (abs(right.astype(int) - 140) < 4).mean() > 0.01
    blank = decoded(look_picture(snapshot(image=np.full(GRID.shape, np.nan, np.float32), boxes=[]), {}))
    assert blank.size == hidden.size


def test_two_grids_are_refused() -> None:
    other = snapshot(grid=replace(GRID, left=0.0))
    with pytest.raises(ValueError, match="same grid"):
        before_after(snapshot(), other, [ZONE], simulated=False)
    with pytest.raises(ValueError, match="on a grid of"):
        snapshot(image=np.zeros((3, 3), np.float32))


def test_colour_pictures() -> None:
    rgb = np.random.default_rng(1).uniform(0.02, 0.2, (*GRID.shape, 3)).astype(np.float32)
    decoded(look_picture(snapshot(image=rgb, unit="reflectance"), {"berths": [ZONE]}))
    decoded(before_after(snapshot(image=rgb), snapshot(image=rgb), [ZONE], simulated=False))


@pytest.mark.parametrize("shape", [(1, 1), (20, 900), (1500, 60), (1600, 1600)])
def test_any_shape_of_area(shape: tuple[int, int]) -> None:
    grid = replace(GRID, height=shape[0], width=shape[1])
    noise: NDArray[np.float32] = np.random.default_rng(1).normal(-18, 3, shape).astype(np.float32)
    image = decoded(look_picture(snapshot(image=noise, grid=grid, boxes=[(0, 0, 1, 1)]), {"all": [ZONE]}))
    assert image.width == 1000
    assert image.height < 1500


def test_series_shows_incident_and_unusable_looks() -> None:
    unused = [Unused(at=START + timedelta(days=9 + 30 * i), reason="cloud") for i in range(10)]
    with_all = decoded(series_plot(points(), unused, SURGE, "count", "Port, berths: vessels counted", simulated=False))
    assert with_all.width == 1000
    without = decoded(series_plot(points(), [], None, "count", "Port, berths: vessels counted", simulated=False))
    top = (100, 50, 980, 450)
    assert ImageChops.difference(with_all.crop(top), without.crop(top)).getbbox() is not None
    assert share(without, pictures.BLUE) > 0.0005
    assert share(without, pictures.VERMILION) > 0.0005


@pytest.mark.parametrize("n", [0, 1, 400])
def test_series_of_any_length(n: int) -> None:
    unused = [Unused(at=START, reason="cloud")]
    image = decoded(series_plot(points(n), unused, SURGE, "m2", "x" * 300, simulated=False))
    assert len(image.getcolors(1 << 24) or []) > 5


def test_odd_names_are_drawn_as_they_are() -> None:
    """No formula is made of a dollar sign, and a script that the font lacks warns nobody."""
    odd = "$x^2 나진항\n{bad}"
    decoded(look_picture(snapshot(caption=odd), {odd: [ZONE]}, attribution=odd))
    decoded(series_plot([replace(p, track=odd) for p in points(3)], [], None, odd, odd, simulated=False))


def test_the_same_look_gives_the_same_bytes() -> None:
    assert look_picture(snapshot(), {"berths": [ZONE]}) == look_picture(snapshot(), {"berths": [ZONE]})


def test_importing_is_cheap() -> None:
    code = "import sys, monitor.pictures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_where_no_ship_was_looked_for_the_title_does_not_say_that_there_is_none() -> None:
    from monitor.pictures.looks import Window, detections

    whole = Window(row0=0, column0=0, row1=GRID.height, column1=GRID.width)
    assert detections(snapshot(boxes=[]), whole) == "0 detections"
    assert detections(snapshot(boxes=None), whole) == "not searched for ships"
    decoded(look_picture(snapshot(boxes=None), {}))
