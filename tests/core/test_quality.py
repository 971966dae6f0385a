"""Whether a look is usable in a zone, and the reason when it is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.aoi import WATER, ZoneKind
from monitor.grid import Grid, Mask
from monitor.measurement import Reason
from monitor.quality import Conditions, clear, ground, usability
from monitor.quality.clouds import no_counts, updated
from monitor.quality.registration import Shift
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
    plain = Stack(grid=GRID, bands={"b08": np.where(first(seen), 0.1, np.nan).astype(np.float32)})
    found = usability(plain, Sensor.SENTINEL2, EVERYWHERE, None if usually is None else first(usually))
    assert found.reason is reason
    assert found.covered_fraction == pytest.approx(seen)
    assert found.valid_fraction == pytest.approx(seen)
    assert found.use.sum() == round(seen * SIDE**2)


@pytest.mark.parametrize(("rows", "reason"), [(13, Reason.BORDER_NOISE), (14, None), (20, None)])
def test_the_rim_of_a_swath_is_covered_but_not_used(rows: int, reason: Reason | None) -> None:
    """Four rows of it: of 13, less than 70 % is left."""
    found = usability(radar(first(rows / SIDE)), Sensor.SENTINEL1, EVERYWHERE, None)
    assert found.reason is reason
    assert found.covered_fraction == pytest.approx(rows / SIDE)
    assert found.use.sum() == SIDE * (rows if rows == SIDE else rows - 4)


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
    """But for its margin of 80 m."""
    zone = first(0.25)
    beside = usability(optical(np.where(zone, 6, 9)), Sensor.SENTINEL2, zone, None)
    assert beside.reason is Reason.CLOUD
    found = usability(optical(np.where(first(0.65), 6, 9)), Sensor.SENTINEL2, zone, None)
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
    noise = ground(radar(covered), Sensor.SENTINEL1).noise
    expected = [at for at in cells if usually[at]]
    fine = both >= 0.5 * len(cells) and (
        young or not expected or sum(bool(covered[at]) for at in expected) >= 0.9 * len(expected)
    )
    fine = fine and sum(bool(covered[at]) and not noise[at] for at in cells) >= 0.7 * both
    assert (found.reason is None) == (fine and both > 0)
    assert found.covered_fraction == pytest.approx(both / max(1, len(cells)))
    assert not (found.use & ~(covered & zone)).any()
    assert found.valid_fraction <= found.covered_fraction


def test_a_known_quay_makes_no_cloud_in_its_zone() -> None:
    quay = np.zeros(GRID.shape, bool)
    quay[9:11, 2:18] = True
    scl = np.where(quay, np.float32(9), np.float32(6))
    counts = no_counts(GRID)
    for _ in range(8):
        counts = updated(counts, scl, GRID)
    assert usability(optical(scl), Sensor.SENTINEL2, quay, None).reason is Reason.CLOUD
    known = ground(optical(scl), Sensor.SENTINEL2, counts)
    found = usability(optical(scl), Sensor.SENTINEL2, quay, None, shown=known)
    assert found.reason is None
    assert found.valid_fraction == 1.0
    overcast = ground(optical(9), Sensor.SENTINEL2, counts)
    assert usability(optical(9), Sensor.SENTINEL2, quay, None, shown=overcast).reason is Reason.CLOUD


FAR, NEAR = Shift(rows=0.2, columns=-0.6, error=0.05), Shift(rows=0.4, columns=-0.4, error=0.05)
SHIPS = {ZoneKind.BERTH_WATER, ZoneKind.ANCHORAGE}


@pytest.mark.parametrize("kind", list(ZoneKind))
def test_each_kind_of_zone_has_the_reasons_that_matter_to_it(kind: ZoneKind) -> None:
    def reason(classes: int = 5, said: Conditions | None = None) -> Reason | None:
        conditions = said or Conditions()
        return usability(optical(classes), Sensor.SENTINEL2, EVERYWHERE, None, kind=kind, conditions=conditions).reason

    assert reason() is None
    assert reason(said=Conditions(hazy=True)) is Reason.HAZE
    assert reason(11) is (Reason.SNOW if kind not in WATER else Reason.ICE if kind in SHIPS else None)
    for sea in (Reason.ICE, Reason.ROUGH_SEA):
        assert reason(said=Conditions(sea=sea)) is (sea if kind in SHIPS else None)
    built = kind not in {ZoneKind.ANCHORAGE, ZoneKind.REFERENCE_WATER}
    assert reason(said=Conditions(shift=FAR)) is (Reason.MISREGISTERED if built else None)
    assert reason(said=Conditions(shift=NEAR)) is None


def test_what_hides_most_is_said_first() -> None:
    bad = Conditions(hazy=True, sea=Reason.ROUGH_SEA, shift=FAR)
    said = []
    for stack in (optical(9), optical(11)):
        for conditions in (bad, Conditions(sea=Reason.ROUGH_SEA, shift=FAR), Conditions(shift=FAR)):
            found = usability(
                stack, Sensor.SENTINEL2, EVERYWHERE, None, kind=ZoneKind.BERTH_WATER, conditions=conditions
            )
            said.append(found.reason)
    assert said == [Reason.CLOUD] * 3 + [Reason.HAZE, Reason.ICE, Reason.ICE]


@pytest.mark.parametrize(("white", "reason"), [(0.1, None), (0.11, Reason.SNOW)])
def test_a_tenth_of_a_yard_may_be_white(white: float, reason: Reason | None) -> None:
    stack = optical(np.where(first(white), 11, 5))
    found = usability(stack, Sensor.SENTINEL2, EVERYWHERE, None, kind=ZoneKind.CARGO_YARD)
    assert found.reason is reason


def test_without_a_kind_only_what_hides_the_ground_counts() -> None:
    bad = Conditions(sea=Reason.ICE, shift=FAR)
    assert usability(optical(11), Sensor.SENTINEL2, EVERYWHERE, None, conditions=bad).reason is None
