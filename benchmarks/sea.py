"""A simulated sea, and ships on it, of which everything is known.

Speckle and texture are sums of squared Gaussian fields, so their gamma distributions are exact under any correlation.
A rate of 1e-7 needs some 1e8 pixels, and fresh speckle would take longer than what is tested. So some fields are drawn
once, without a seam, and each look adds up nine of the thirty, each moved by a random way: never the same sum twice.
Texture is fresh in every look, on cells of at most two thirds of its reach: its tail is too long to draw twice from.

The ships. Their mean backscatter is taken from the ships on the open roadstead that are labelled in shared/data/latakia
(Sentinel-1 VV); `benchmarks accuracy` prints it as `echo`, a square metre of hull. That is a lower bound, as the
brightest pixels are cut off there at -2 dB; Vachon et al. (1997, "Ship detection by the RADARSAT SAR") give
0.08 L^(7/3) (0.78 + 0.11 a) for an angle of incidence a in degrees, 43 dB m2 at 100 m. The standard deviation from ship
to ship is taken as 3 dB, more than was seen, as labels leave out the ships that nobody saw. Half of the hull is even,
half is four points along it, all under a point spread of 20 m; it is 6.2 times as long as wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monitor.grid import Grid
from monitor.simulate.radar import LOOKS, NEIGHBOUR, SPREAD_M
from monitor.simulate.shapes import point, rectangle

Array = NDArray[np.float32]
SIDE = 1024
"""Pixels: a look of 10 x 10 km."""

FIELDS = 30
PIXEL_M = 10.0
HULL_DB, HULL_SPREAD_DB = 3.5, 3.0
SLENDER = 6.2
"""Length over width of a hull."""


@dataclass(frozen=True, kw_only=True)
class State:
    """A state of the sea."""

    name: str
    level_db: float
    slope_db: float = 0.0
    """Rise of the level from corner to corner (wind), dB; with it come gusts of 0.4 dB over 1.3 km."""

    order: int | None = None
    """Of the gamma distributed texture; None: an even sea."""

    reach_m: float = 60.0
    """Standard deviation of the filter that correlates the texture, m."""


STATES = (
    State(name="calm -22 dB", level_db=-22),
    State(name="moderate -16 dB", level_db=-16),
    State(name="rough -10 dB", level_db=-10),
    State(name="wind rising by 6 dB", level_db=-17, slope_db=6),
    State(name="K, order 30, 60 m", level_db=-14, order=30),
    State(name="K, order 10, 60 m", level_db=-12, order=10),
    State(name="K, order 10, 30 m", level_db=-12, order=10, reach_m=30),
    State(name="K, order 4, 60 m", level_db=-10, order=4),
    State(name="K, order 4, 150 m", level_db=-10, order=4, reach_m=150),
)


class Squares:
    """Squared Gaussian fields of mean 1, correlated as speckle is, without a seam."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Draws them."""
        self._fields = [_speckled(rng) ** 2 for _ in range(FIELDS)]

    def speckle(self, rng: np.random.Generator) -> Array:
        """Speckle of LOOKS looks and mean 1, shape (SIDE, SIDE)."""
        weights = speckle_weights()
        out: Array = np.zeros((SIDE, SIDE), np.float32)
        for number, weight in zip(rng.choice(FIELDS, len(weights), replace=False), weights, strict=True):
            down, across = (int(n) for n in rng.integers(0, SIDE, 2))
            for rows, from_rows in _parts(down):
                for columns, from_columns in _parts(across):
                    out[rows, columns] += np.float32(weight) * self._fields[number][from_rows, from_columns]
        return out


def _parts(way: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    return (slice(0, way), slice(SIDE - way, SIDE)), (slice(way, SIDE), slice(0, SIDE - way))


def _speckled(rng: np.random.Generator) -> Array:
    kernel = np.array([NEIGHBOUR, 1, NEIGHBOUR], np.float32) / math.sqrt(1 + 2 * NEIGHBOUR**2)
    white = rng.standard_normal((SIDE, SIDE), np.float32)
    field: Array = ndimage.convolve1d(ndimage.convolve1d(white, kernel, 0, mode="wrap"), kernel, 1, mode="wrap")
    return field


def texture(rng: np.random.Generator, order: int, reach_m: float) -> Array:
    """Gamma distributed with mean 1 and shape `order`, shape (SIDE, SIDE): a mean of 2 * order squares."""
    cell = 2 ** int(math.log2(reach_m / PIXEL_M / 1.5))
    reach, side = reach_m / PIXEL_M / cell, SIDE // cell
    total: Array = np.zeros((side, side), np.float32)
    for _ in range(2 * order):
        field = ndimage.gaussian_filter(rng.standard_normal((side, side), np.float32), reach, mode="wrap")
        total += field**2
    # a kernel of standard deviation r leaves white noise a variance of 1 / (4 pi r^2)
    total *= np.float32(4 * math.pi * reach**2 / (2 * order))
    return np.repeat(np.repeat(total, cell, 0), cell, 1)


def speckle_weights(looks: float = LOOKS) -> list[float]:
    """Of squared Gaussian fields whose sum has mean 1 and variance 1 / looks, as in `simulate.speckle`."""
    n = math.floor(2 * looks)
    last = (1 / n - math.sqrt(1 / n**2 - (1 + 1 / n) * (1 / n - 1 / (2 * looks)))) / (1 + 1 / n)
    return [(1 - last) / n] * n + [last]


def backscatter(state: State, rng: np.random.Generator) -> Array:
    """Mean power of one look without its speckle, shape (SIDE, SIDE): pixels of 10 m."""
    power = np.full((SIDE, SIDE), 10 ** (state.level_db / 10), np.float32)
    if state.order is not None:
        power *= texture(rng, state.order, state.reach_m)
    if state.slope_db:
        along = np.linspace(-0.25, 0.25, SIDE, dtype=np.float32)
        gusts = ndimage.zoom(rng.standard_normal((8, 8), np.float32), SIDE / 8, order=1)
        db = np.float32(state.slope_db) * (along[:, None] + along) + np.float32(0.4) * gusts
        power *= np.power(np.float32(10), db / np.float32(10))
    return power


def smoothed_tail() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ln(x) and ln of the share of the pixels above x, x the mean of 3 x 3 pixels of this speckle on an even sea.

    The squares of Gaussian variables that it is a sum of have for weights the eigenvalues of the correlation of the
    pixels times those of the looks, so its characteristic function is a product (Imhof 1961, "Computing the
    distribution of quadratic forms in normal variables"). Its density times exp(t x), t below the pole, is found by
    Fourier transform: so the far tail is as exact as the body.
    """
    kernel = np.array([NEIGHBOUR, 1, NEIGHBOUR])
    correlation = np.correlate(kernel, kernel, "full")[2:] / (kernel @ kernel)
    line = np.linalg.eigvalsh(correlation[np.abs(np.subtract.outer(np.arange(3), np.arange(3)))]) / 3
    weights = np.multiply.outer(np.outer(line, line), speckle_weights()).ravel()
    size, top = 2**16, 16.0
    tilt = 0.3 / weights.max()
    frequency = 2 * np.pi * np.fft.fftfreq(size, top / size)
    transform = np.exp(-sum(np.log1p(2 * w * (1j * frequency - tilt)) for w in weights) / 2)
    x = np.arange(size) * top / size
    density = np.maximum(np.fft.ifft(transform).real, 0) * np.exp(-tilt * x)
    tail = (np.cumsum(density[::-1])[::-1] - density / 2) / density.sum()
    return np.log(x[1:]), np.log(np.maximum(tail[1:], 1e-300))


@dataclass(frozen=True, kw_only=True)
class Hull:
    """A ship, or anything long and bright."""

    x: float
    y: float
    heading_deg: float
    length_m: float
    width_m: float
    backscatter_db: float


def ship(
    rng: np.random.Generator, at: tuple[float, float], heading_deg: float, length_m: float, hull_db: float
) -> Hull:
    """A ship; its mean backscatter scatters around that of such hulls."""
    return Hull(
        x=at[0],
        y=at[1],
        heading_deg=heading_deg,
        length_m=length_m,
        width_m=length_m / SLENDER,
        backscatter_db=float(rng.normal(hull_db, HULL_SPREAD_DB)),
    )


def add(power: Array, grid: Grid, hull: Hull, rng: np.random.Generator | None = None) -> None:
    """Adds a hull to the mean power: half of it even, half in four points; with no `rng` all of it even."""
    level = 10 ** (hull.backscatter_db / 10)
    at, share = rectangle(
        grid,
        x=hull.x,
        y=hull.y,
        heading_deg=hull.heading_deg,
        length_m=hull.length_m,
        width_m=hull.width_m,
        sigma_m=SPREAD_M,
    )
    power[at] += share * np.float32(level if rng is None else level / 2)
    if rng is None:
        return
    bow = math.sin(math.radians(hull.heading_deg)), math.cos(math.radians(hull.heading_deg))
    strengths = rng.dirichlet([2.0] * 4) * level / 2 * hull.length_m * hull.width_m / (2 * math.pi * SPREAD_M**2)
    for along, strength in zip(rng.uniform(-0.45, 0.45, 4) * hull.length_m, strengths, strict=True):
        at, height = point(grid, x=hull.x + bow[0] * along, y=hull.y + bow[1] * along, sigma_m=SPREAD_M)
        power[at] += height * np.float32(strength)
