"""Cloud, shadow, and what is only classified as such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from conftest import real_data
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from monitor.grid import Grid, Mask
from monitor.quality.clouds import (
    CLOUDY,
    FULL,
    LEAST_SEEN,
    MARGIN_M,
    CloudCounts,
    classified,
    clouded,
    no_counts,
    persistent,
    updated,
)

SIDE = 200
GRID = Grid(epsg=32652, left=500_000.0, top=4_680_000.0, resolution=10.0, height=SIDE, width=SIDE)
QUAY: Mask = np.zeros(GRID.shape, bool)
QUAY[90:94, 60:100] = True
WATER, VEGETATION, CLOUD, SHADOW = 6, 4, 9, 3


def sky(cloud: Mask | bool = False, quay: int = CLOUD) -> np.ndarray:
    """Classes of a harbour whose quay is called cloud."""
    scl = np.full(GRID.shape, WATER, np.float32)
    scl[QUAY] = quay
    scl[np.broadcast_to(cloud, GRID.shape)] = CLOUD
    return scl


def square(row: int, column: int, side: int) -> Mask:
    mask: Mask = np.zeros(GRID.shape, bool)
    mask[row : row + side, column : column + side] = True
    return mask


def after(*looks: np.ndarray) -> CloudCounts:
    counts = no_counts(GRID)
    for scl in looks:
        counts = updated(counts, scl, GRID)
    return counts


def test_a_bright_quay_is_known_after_some_clear_looks() -> None:
    assert not persistent(after(*[sky()] * (LEAST_SEEN - 1))).any()
    assert np.array_equal(persistent(after(*[sky()] * LEAST_SEEN)), QUAY)
    assert np.array_equal(persistent(after(*[sky(), sky(), sky(quay=5)] * 4)), QUAY)
    assert not persistent(after(*[sky(), sky(quay=5), sky(quay=5)] * 4)).any()


def test_overcast_looks_say_nothing_of_the_ground() -> None:
    counts = after(*[sky(cloud=True)] * 30)
    assert not counts.seen.any()
    assert not persistent(counts).any()


def test_a_cloudy_climate_is_no_bright_ground() -> None:
    """Fair-weather clouds over a fifth of the sky, always elsewhere."""
    rng = np.random.default_rng(1)
    looks = []
    for _ in range(40):
        cloud = ndimage.gaussian_filter(rng.normal(size=GRID.shape), 8, mode="wrap")
        looks.append(sky(cloud > np.quantile(cloud, 0.8)))
    assert np.array_equal(persistent(after(*looks)), QUAY)


def test_the_known_quay_is_seen_under_a_clear_sky_and_hidden_under_cloud() -> None:
    known = persistent(after(*[sky()] * LEAST_SEEN))
    assert clouded(sky(), GRID)[QUAY].all()
    assert not clouded(sky(), GRID, known).any()
    assert clouded(sky(cloud=True), GRID, known).all()
    large = square(40, 30, 110)  # over the quay, and most of what lies around it
    assert clouded(sky(large), GRID, known)[QUAY].all()
    far = square(0, 150, 45)
    assert not clouded(sky(far), GRID, known)[QUAY].any()


def test_a_large_quay_does_not_count_as_cloud_around_itself() -> None:
    """It fills 22 % of its surroundings, a cloud in the distance 10 %."""
    paved, far = square(80, 80, 47), square(60, 135, 31)
    scl = np.where(paved, np.float32(CLOUD), np.float32(WATER))
    known = persistent(after(*[scl] * LEAST_SEEN))
    assert np.array_equal(known, paved)
    hidden = clouded(np.where(far, np.float32(CLOUD), scl), GRID, known)
    assert not hidden[95:110, 95:110].any()
    assert hidden[far].all()


def test_the_margin_of_a_cloud_does_not_stop_at_a_known_quay() -> None:
    known = persistent(after(*[sky()] * LEAST_SEEN))
    beside = square(96, 70, 20)
    reach = round(MARGIN_M / GRID.resolution)
    hidden = clouded(sky(beside), GRID, known)
    assert np.array_equal(hidden, ndimage.maximum_filter(beside, 2 * reach + 1))
    assert hidden[93, 75]


@pytest.mark.parametrize("of", [CLOUD, SHADOW, 8, 10])
@pytest.mark.parametrize(("side", "grows"), [(14, False), (15, True)])
def test_only_large_objects_get_a_margin(of: int, side: int, grows: bool) -> None:
    """20,000 m2 lie between 14 x 14 and 15 x 15 pixels."""
    cloud = square(90, 120, side)
    scl = np.where(cloud, np.float32(of), np.float32(VEGETATION))
    hidden = clouded(scl, GRID)
    assert hidden.sum() == ((side + 16) ** 2 if grows else side**2)
    assert hidden[cloud].all()


def test_the_margin_is_in_metres() -> None:
    coarse = Grid(epsg=32652, left=500_000.0, top=4_680_000.0, resolution=20.0, height=SIDE, width=SIDE)
    scl = np.where(square(90, 120, 20), np.float32(CLOUD), np.float32(VEGETATION))
    assert clouded(scl, coarse).sum() == (20 + 2 * 4) ** 2


def test_old_looks_fade() -> None:
    """A quay that was paved dark is no longer called persistent after half the memory, however long it was bright."""
    counts = after(*[sky()] * 200)
    assert counts.seen.max() < FULL
    for _ in range(FULL):
        counts = updated(counts, sky(quay=5), GRID)
    assert not persistent(counts).any()


@given(st.integers(0, 10_000))
def test_counts_against_pixel_by_pixel_bookkeeping(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = Grid(epsg=32652, left=500_000.0, top=4_680_000.0, resolution=100.0, height=9, width=11)
    looks = [rng.choice([0, 3, 4, 6, 9], grid.shape, p=[0.1, 0.1, 0.4, 0.3, 0.1]).astype(np.float32) for _ in range(5)]
    looks[0][2, 3] = np.nan
    counts = no_counts(grid)
    for scl in looks:
        counts = updated(counts, scl, grid)
    row, column = int(rng.integers(9)), int(rng.integers(11))
    seen = cloudy = 0
    for scl in looks:
        window = scl[max(0, row - 5) : row + 6, max(0, column - 5) : column + 6]
        valid = np.isfinite(window) & (window > 1)
        share = np.isin(window[valid], list(CLOUDY)).mean() if valid.any() else 1.0
        here = scl[row, column]
        if abs(share - 0.3) < 1e-6:
            return  # a tie may go either way in single precision
        if here > 1 and share <= 0.3:
            seen += 1
            cloudy += here in CLOUDY
    assert (counts.seen[row, column], counts.cloudy[row, column]) == (seen, cloudy)


def real_classes(fields: Path, site: str) -> list[np.ndarray]:
    paths = sorted(fields.glob(f"{site}/s2/*_scl.tif"))
    return [rasterio.open(path).read(1).astype(np.float32) for path in paths]


@pytest.mark.parametrize(
    ("site", "epsg"),
    [("flanders-west", 32631), ("flanders-north", 32631), ("flanders-east", 32631), ("tanzania", 32737)],
)
def test_two_real_years_hold_no_persistent_cloud_over_fields(site: str, epsg: int) -> None:
    """Half of all looks are cloudy. A quay put into them is found, and only that."""
    grid = Grid(epsg=epsg, left=0.0, top=0.0, resolution=20.0, height=32, width=32)
    quay: Mask = np.zeros(grid.shape, bool)
    quay[14:16, 6:16] = True
    plain, paved = no_counts(grid), no_counts(grid)
    for scl in real_classes(real_data("fields"), site):
        plain = updated(plain, scl, grid)
        paved = updated(paved, np.where(quay & classified(scl), np.float32(9), scl), grid)
    assert plain.seen.min() > LEAST_SEEN
    assert not persistent(plain).any()
    assert np.array_equal(persistent(paved), quay)
    gained = [
        bool(clouded(scl, grid).all()) == bool(clouded(scl, grid, persistent(paved)).all())
        for scl in real_classes(real_data("fields"), site)
    ]
    assert all(gained), "an overcast look stays overcast"
