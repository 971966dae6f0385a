"""Whether a look is usable in a zone, and the reason when it is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.grid import Grid, Mask
from monitor.measurement import Reason
from monitor.quality import clear, usability
from monitor.scene import Sensor
from monitor.stack import Stack

SIDE = 20
GRID = Grid(epsg=32652, left=500_000.0, top=4_680_000.0, resolution=10.0, height=SIDE, width=SIDE)
EVERYWHERE: Mask = np.ones(GRID.shape, bool)


def first(share: float) -> Mask:
    """True for that share of the grid, from the top."""
    mask: Mask = np.zeros(GRID.shape, bool)
    mask.ravel()[: round(share * mask.size)] = True
    return mask


def radar(seen: Mask) -> Stack:
    return Stack(grid=GRID, bands={"vv": np.where(seen, 0.02, np.nan).astype(np.float32)})


def optical(scl: np.ndarray | int) -> Stack:
    classes = np.broadcast_to(np.asarray(scl, np.float32), GRID.shape).copy()
    return Stack(grid=GRID, bands={"b08": np.full(GRID.shape, 0.1, np.float32), "scl": classes})


@pytest.mark.parametrize(
    ("seen", "usually", "reason"),
    [
        (1.0, None, None),
        (0.5, None, None),
        (0.49, None, Reason.PARTLY_COVERED),
        (0.0, None, Reason.NOT_COVERED),
        (1.0, 1.0, None),
        (0.9, 1.0, None),
        (0.89, 1.0, Reason.PARTLY_COVERED),
        (0.6, 0.6, None),
        (0.55, 0.6, None),
        (0.53, 0.6, Reason.PARTLY_COVERED),
        (0.0, 1.0, Reason.NOT_COVERED),
        (0.4, 0.4, Reason.PARTLY_COVERED),
        (1.0, 0.0, None),  # the track never saw the zone: the first rule holds
        (0.49, 0.0, Reason.PARTLY_COVERED),
    ],
)
def test_cover(seen: float, usually: float | None, reason: Reason | None) -> None:
    found = usability(radar(first(seen)), Sensor.SENTINEL1, EVERYWHERE, None if usually is None else first(usually))
    assert found.reason is reason
    assert found.covered_fraction == pytest.approx(seen)
    assert found.valid_fraction == pytest.approx(seen)
    assert found.use.sum() == round(seen * SIDE**2)


@pytest.mark.parametrize(
    ("scl", "ground"),
    [(scl, scl not in {0, 1, 3, 8, 9, 10}) for scl in range(12)],
)
def test_classes_that_hide_the_ground(scl: int, ground: bool) -> None:
    assert clear(optical(scl), Sensor.SENTINEL2).all() == ground
    found = usability(optical(scl), Sensor.SENTINEL2, EVERYWHERE, None)
    assert found.reason is (None if ground else Reason.CLOUD)
    assert found.covered_fraction == 1.0


@pytest.mark.parametrize(("cloudy", "reason"), [(0.0, None), (0.3, None), (0.31, Reason.CLOUD), (1.0, Reason.CLOUD)])
def test_share_of_cloud_in_the_zone(cloudy: float, reason: Reason | None) -> None:
    found = usability(optical(np.where(first(cloudy), 9, 6)), Sensor.SENTINEL2, EVERYWHERE, None)
    assert found.reason is reason
    assert found.valid_fraction == pytest.approx(1 - cloudy)


def test_cloud_outside_the_zone_is_no_matter() -> None:
    zone = first(0.25)
    found = usability(optical(np.where(zone, 6, 9)), Sensor.SENTINEL2, zone, None)
    assert found.reason is None
    assert found.valid_fraction == 1.0
    assert np.array_equal(found.use, zone)


def test_without_a_classification_every_covered_pixel_counts() -> None:
    plain = Stack(grid=GRID, bands={"b08": np.full(GRID.shape, 0.9, np.float32)})
    assert clear(plain, Sensor.SENTINEL2).all()
    assert usability(plain, Sensor.SENTINEL2, EVERYWHERE, None).reason is None


def test_radar_sees_through_what_is_called_cloud() -> None:
    stack = Stack(grid=GRID, bands={"vv": np.ones(GRID.shape, np.float32), "scl": np.full(GRID.shape, 9, np.float32)})
    assert clear(stack, Sensor.SENTINEL1).all()


def test_a_zone_without_pixels_is_not_covered() -> None:
    assert usability(radar(EVERYWHERE), Sensor.SENTINEL1, ~EVERYWHERE, None).reason is Reason.NOT_COVERED


@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_shares_agree_with_counted_pixels(seed: int, seen: float, inside: float, usual: float, young: bool) -> None:
    rng = np.random.default_rng(seed)
    masks = [rng.random(GRID.shape) < share for share in (seen, inside, usual)]
    covered, zone, usually = masks
    found = usability(radar(covered), Sensor.SENTINEL1, zone, None if young else usually)
    cells = [(r, c) for r in range(SIDE) for c in range(SIDE) if zone[r, c]]
    both = sum(bool(covered[at]) for at in cells)
    expected = [at for at in cells if usually[at]]
    fine = both >= 0.5 * len(cells) and (
        young or not expected or sum(bool(covered[at]) for at in expected) >= 0.9 * len(expected)
    )
    assert (found.reason is None) == (fine and both > 0)
    assert found.covered_fraction == pytest.approx(both / max(1, len(cells)))
    assert not (found.use & ~(covered & zone)).any()
    assert found.valid_fraction <= found.covered_fraction
