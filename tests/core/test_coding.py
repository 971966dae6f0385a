"""16-bit pixels: nothing is lost that could be measured. Laws, and the real thing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from monitor.coding import (
    LARGEST,
    LOWEST_DB,
    LOWEST_REFLECTANCE,
    STEP_DB,
    STEP_REFLECTANCE,
    Coding,
    coding_of,
    decode,
    encode,
)
from monitor.scene import Sensor

HIGHEST_DB = LOWEST_DB + (LARGEST - 1) * STEP_DB
HIGHEST_REFLECTANCE = LOWEST_REFLECTANCE + (LARGEST - 1) * STEP_REFLECTANCE
SPECKLE_DB = 2.2
"""Standard deviation of one Sentinel-1 pixel, 4.4 looks."""

FLOOR = 1e-5
"""Power at DN 1: -50 dB."""

powers = arrays(np.float32, st.integers(1, 50), elements=st.floats(float(np.float32(1.01e-5)), 9000, width=32))
reflectances = arrays(
    np.float32, st.integers(1, 50), elements=st.floats(float(np.float32(-0.0999)), float(np.float32(6.4)), width=32)
)
anything = arrays(np.float32, st.integers(1, 50), elements=st.floats(width=32))


def decibels(power: NDArray[np.float32]) -> NDArray[np.float64]:
    return 10 * np.log10(power.astype(np.float64))


def test_each_band_has_its_coding() -> None:
    assert coding_of(Sensor.SENTINEL1, "vh") is Coding.POWER
    assert coding_of(Sensor.SENTINEL2, "b8a") is Coding.REFLECTANCE
    assert coding_of(Sensor.SENTINEL2, "scl") is Coding.CLASSES


@given(powers)
def test_power_comes_back_within_half_a_step(power: NDArray[np.float32]) -> None:
    back = decode(encode(power, Coding.POWER), Coding.POWER)
    # A float32 itself is exact to 6e-8 of its value, 2.6e-7 dB.
    assert np.abs(decibels(back) - decibels(power)).max() <= STEP_DB / 2 + 6e-7


@given(reflectances)
def test_reflectance_comes_back_within_half_a_step(reflectance: NDArray[np.float32]) -> None:
    back = decode(encode(reflectance, Coding.REFLECTANCE), Coding.REFLECTANCE)
    assert np.abs(back.astype(np.float64) - reflectance).max() <= STEP_REFLECTANCE / 2 + 1e-6


def test_classes_come_back_as_they_are() -> None:
    classes = np.arange(1, 12, dtype=np.float32)
    assert (decode(encode(classes, Coding.CLASSES), Coding.CLASSES) == classes).all()
    assert np.isnan(decode(encode(np.zeros(1, np.float32), Coding.CLASSES), Coding.CLASSES)).all()


@given(anything, st.sampled_from(Coding))
def test_only_what_was_not_seen_is_not_seen_afterwards(values: NDArray[np.float32], coding: Coding) -> None:
    back = decode(encode(values, coding), coding)
    if coding is Coding.CLASSES:
        assert np.isnan(back[np.isnan(values)]).all()
    else:
        assert (np.isnan(back) == np.isnan(values)).all()


@given(anything, st.sampled_from(Coding))
def test_more_never_becomes_less(values: NDArray[np.float32], coding: Coding) -> None:
    ordered = np.sort(values[~np.isnan(values)])
    assert (np.diff(encode(ordered, coding).astype(int)) >= 0).all()


@given(anything, st.sampled_from(Coding))
def test_coding_again_what_was_decoded_changes_nothing(values: NDArray[np.float32], coding: Coding) -> None:
    dn = encode(values, coding)
    assert (encode(decode(dn, coding), coding) == dn).all()


@pytest.mark.parametrize("coding", [Coding.POWER, Coding.REFLECTANCE])
def test_every_dn_stands_for_itself(coding: Coding) -> None:
    dn = np.arange(1, LARGEST + 1).astype(np.uint16)
    assert (encode(decode(dn, coding), coding) == dn).all()


def test_the_range_holds_calm_sea_and_port_cranes() -> None:
    assert (LOWEST_DB, round(HIGHEST_DB, 1)) == (-50, 39.8)
    assert round(HIGHEST_REFLECTANCE, 2) == 6.45
    # The noise floor of Sentinel-1 is about -26 dB; zeros that noise removal leaves are seen pixels, as dark as can be.
    assert encode(np.array([0, -1, np.nan, 1e30], np.float32), Coding.POWER).tolist() == [1, 1, 0, LARGEST]


@pytest.fixture(params=["VV", "VH"])
def chips(request: pytest.FixtureRequest, california: Path) -> NDArray[np.float32]:
    """Real float32 gamma nought of one polarisation, 22 dates of 15 places: shape (330, 100, 100)."""
    return loaded(california, request.param)


@cache
def loaded(folder: Path, polarisation: str) -> NDArray[np.float32]:
    return np.stack([whole(path) for path in sorted(folder.glob(f"*/*_{polarisation}.tif"))])


def whole(path: Path) -> NDArray[np.float32]:
    with rasterio.open(path) as file:
        pixels: NDArray[np.float32] = file.read(1)
    return pixels


def coded(power: NDArray[np.float32]) -> NDArray[np.float32]:
    return decode(encode(power, Coding.POWER), Coding.POWER)


def test_real_pixels_lose_a_five_thousandth_of_their_speckle(chips: NDArray[np.float32]) -> None:
    # Below -50 dB, 24 dB under the noise floor, lie 2 pixels in 10,000 of VH and 5 in a million of VV.
    within = chips >= FLOOR
    assert within.mean() > 0.9998
    error = decibels(coded(chips)[within]) - decibels(chips[within])
    rms = np.sqrt(np.mean(error**2))
    assert rms == pytest.approx(STEP_DB / np.sqrt(12), rel=0.01)
    assert rms < 0.0004 < SPECKLE_DB / 5000
    assert np.abs(error).max() < 0.0007
    assert abs(error.mean()) < 1e-6


def test_real_zone_means_stay_where_they_are(chips: NDArray[np.float32]) -> None:
    """A chip as a zone of 10,000 pixels: means in linear power, pixels below the floor included."""
    shift = decibels(coded(chips).mean(axis=(1, 2), dtype=np.float64)) - decibels(
        chips.mean(axis=(1, 2), dtype=np.float64)
    )
    assert abs(shift.mean()) < 1e-5
    assert np.abs(shift).max() < 6e-5  # the darkest VH sea, -31 dB, where 19 pixels were put up to -50 dB


def test_real_local_statistics_stay_as_they_are(chips: NDArray[np.float32]) -> None:
    """Equivalent looks and the level above the surroundings decide what is called a vessel, ratios what has changed."""
    back = coded(chips)
    looks, looks_back = enl(chips), enl(back)
    # A hundred pixels tell the number of looks to 14 %.
    assert np.abs(looks_back / looks - 1).max() < 2e-3
    assert np.std(looks_back / looks - 1) < 2e-4
    assert abs(np.mean(looks_back / looks) - 1) < 1e-5
    # The same place on the date before lies 15 chips back.
    within = (chips >= FLOOR)[15:] & (chips >= FLOOR)[:-15]
    now, before, now_back, before_back = (v[within] for v in (chips[15:], chips[:-15], back[15:], back[:-15]))
    contrast = decibels(now_back / boxes(back)[15:][within]) - decibels(now / boxes(chips)[15:][within])
    assert np.abs(contrast).max() < 0.002
    assert np.sqrt(np.mean(contrast**2)) < 0.0005
    assert np.sqrt(np.mean((decibels(now_back / before_back) - decibels(now / before)) ** 2)) < 0.0006


def blocked(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Shape (n, 10, 10, 100): the 10 x 10 pixels of each block side by side."""
    n = len(values)
    return values.astype(np.float64).reshape(n, 10, 10, 10, 10).swapaxes(2, 3).reshape(n, 10, 10, 100)


def enl(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Equivalent number of looks of each block: mean squared over variance."""
    parts = blocked(values)
    looks: NDArray[np.float64] = parts.mean(axis=-1) ** 2 / parts.var(axis=-1)
    return looks


def boxes(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of each pixel's block, at each pixel."""
    return np.repeat(np.repeat(blocked(values).mean(axis=-1), 10, axis=1), 10, axis=2).astype(np.float32)
