"""A stack has one shape, and a pixel is seen only if every band holds a value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from monitor.grid import Grid
from monitor.stack import Stack

GRID = Grid(epsg=32652, left=500_000.0, top=4_680_000.0, resolution=10.0, height=3, width=4)


def test_a_band_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"band vh is \(4, 3\)"):
        Stack(grid=GRID, bands={"vv": np.ones((3, 4), np.float32), "vh": np.ones((4, 3), np.float32)})


@given(hnp.arrays(np.bool_, (2, 3, 4)))
def test_seen_in_every_band(holes: np.ndarray) -> None:
    bands = {name: np.where(hole, np.nan, 1).astype(np.float32) for name, hole in zip(("vv", "vh"), holes, strict=True)}
    seen = Stack(grid=GRID, bands=bands).seen()
    for row in range(3):
        for column in range(4):
            assert seen[row, column] == (not holes[0, row, column] and not holes[1, row, column])


@pytest.mark.parametrize("name", ["VV", "vv"])
def test_power_is_the_band_of_the_polarisation(name: str) -> None:
    vv = np.full((3, 4), 0.5, np.float32)
    stack = Stack(grid=GRID, bands={"vh": np.ones((3, 4), np.float32), "vv": vv})
    assert stack.power(name) is vv


@given(st.sampled_from([np.inf, -np.inf, np.nan]))
def test_no_finite_number_is_not_seen(value: float) -> None:
    vv = np.ones((3, 4), np.float32)
    vv[1, 2] = value
    seen = Stack(grid=GRID, bands={"vv": vv}).seen()
    assert not seen[1, 2]
    assert seen.sum() == 11
