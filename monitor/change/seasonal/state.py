"""The state of the pixels of an optical track: an annual wave and its residuals, updated look by look."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from monitor.grid import Mask

Array = NDArray[np.float32]

YEAR_DAYS = 365.2422
WAVE = 4.0
"""Residual standard deviations: how large the annual wave of a pixel is expected to be before it was seen."""

MEMORY = 64
"""Clear looks after which a pixel forgets: the weight of a look never falls below about 1/64."""

PRIOR_LOOKS = 4
"""Looks that the assumed noise counts for in the running variance of a pixel."""

HUBER = 2.5
"""Standard deviations beyond which the influence of a look no longer grows."""

LEAST_LOOKS = 8
"""Clear looks of a pixel before anything is compared with it."""

SHRINKAGE = 0.1
"""Weight of no correlation in that of the bands: keeps the distance bounded in directions that hardly vary."""

BLOCK = 8_192
"""Pixels treated at once: what is needed for them fits the cache."""

SAMPLE = 20_000
"""Pixels that tell what a look has in common: more do not make it better known."""

LEAST_SAMPLE = 50
"""Pixels without which nothing is told of a look as a whole."""

VEIL = 3.0
"""Times the noise that the shortest band must be brighter for cloud."""

FLATNESS = 0.8
"""Cloud, haze and snow brighten the shortest band at least this much of any other; bare ground and roofs do not."""

SHADE = 0.7
"""In shadow every band but the shortest, which the sky lights, falls below this share of the usual."""

LASTING = 2
"""Looks in a row after which the colour of cloud is that of the ground: no cloud stays for three."""

VISIBLE = frozenset({"b02", "b03", "b04", "b05"})


@dataclass(frozen=True, kw_only=True)
class Seasonal:
    """The state of n pixels of one track: 27 bytes a pixel and 16 a band, 107 for five bands.

    Postcondition of everything here: a pixel that was not clear leaves its state as it was.
    """

    bands: Sequence[str]
    """Names in lower case, shortest wavelength first; at least one of them is visible."""

    gram: Array
    """Shape (6, n). Weighted sums of 1, cos, sin, cos^2, cos sin, sin^2 of the time of year."""

    right: Array
    """Shape (bands, 3, n). Weighted sums of reflectance times 1, cos, sin."""

    variance: Array
    """Shape (bands, n). Running robust variance of the residuals, reflectance^2; 0 before the first look."""

    seen: NDArray[np.uint16]
    """Shape (n,). Looks the pixel has learnt from."""

    left_out: NDArray[np.uint8]
    """Shape (n,). Looks in a row that were left out for the colour of cloud or shadow: LASTING at most."""

    correlation: NDArray[np.float64]
    """Shape (bands, bands). Of the standardised residuals, over all pixels."""

    looks: int
    """Looks the correlation rests on."""

    def known(self) -> Mask:
        """True where the pixel was clear often enough to be compared. Shape (n,)."""
        return self.seen >= LEAST_LOOKS


def nothing(n: int, bands: Sequence[str]) -> Seasonal:
    """The state of n pixels before the first look."""
    if not VISIBLE & set(bands):
        raise ValueError(f"no visible band among {', '.join(bands)}")
    return Seasonal(
        bands=tuple(bands),
        gram=np.zeros((6, n), np.float32),
        right=np.zeros((len(bands), 3, n), np.float32),
        variance=np.zeros((len(bands), n), np.float32),
        seen=np.zeros(n, np.uint16),
        left_out=np.zeros(n, np.uint8),
        correlation=np.eye(len(bands)),
        looks=0,
    )


def expected(state: Seasonal, when: datetime) -> Array:
    """Reflectance at that time of year, shape (bands, n); NaN where the pixel was clear too rarely."""
    out = np.empty(state.variance.shape, np.float32)
    for part in parts(state.seen.size):
        out[:, part] = predicted(state, part, wave_of(when))[0]
    out[:, ~state.known()] = np.nan
    return out


def updated(state: Seasonal, values: Array, clear: Mask, when: datetime) -> Seasonal:
    """The state after one more look.

    Args:
        state: of the track.
        values: reflectance, shape (bands, n); finite where clear, anything elsewhere.
        clear: True where the ground was seen in every band, shape (n,).
        when: time of the look, with a time zone.
    """
    wave, inverse = wave_of(when), inverse_correlation(state)
    gram, right, variance = state.gram.copy(), state.right.copy(), state.variance.copy()
    left_out, seen = state.left_out.copy(), state.seen.copy()
    moments, usual, every = np.zeros_like(state.correlation), 0, max(1, seen.size // SAMPLE)
    for part in parts(seen.size):
        value = np.where(clear[part], values[:, part], np.float32(0))
        mean, leverage = predicted(state, part, wave)
        pale = clear[part] & cloud_coloured(value - mean, mean)
        cloudy = pale & may_be_cloud(state, part)
        learns = clear[part] & ~cloudy
        again, old = learns & (seen[part] > 0), learns & (seen[part] >= LEAST_LOOKS)
        spread2 = np.maximum(variance[:, part], noise(mean) ** 2)
        z = standardised(value - mean, spread2, leverage)
        off = np.sqrt(squared_distance(z, inverse) / np.float32(len(z)))
        weight = np.where(again, HUBER / np.maximum(off, np.float32(HUBER)), learns).astype(np.float32)
        fade = np.where(learns, np.minimum(1, MEMORY / np.maximum(gram[0, part] + weight, 1)), 1).astype(np.float32)
        gram[:, part] = (gram[:, part] + _products(wave)[:, None] * weight) * fade
        right[:, :, part] = (right[:, :, part] + (value * weight)[:, None] * wave[:, None]) * fade
        pace = 1 / np.minimum(seen[part] + np.float32(PRIOR_LOOKS), MEMORY)
        stepped = (1 + pace * (np.minimum(z**2, HUBER**2) - 1)) * spread2
        variance[:, part] = np.where(again, stepped, np.where(learns, noise(value) ** 2, variance[:, part]))
        left_out[part] = np.where(pale | ~clear[part], left_out[part] + cloudy, 0)
        seen[part] += learns
        among = z[:, ::every][:, (old & (off < HUBER))[::every]].astype(np.float64)
        moments, usual = moments + among @ among.T, usual + among.shape[1]
    state = replace(state, gram=gram, right=right, variance=variance, left_out=left_out, seen=seen)
    return _correlated(state, moments) if usual >= LEAST_SAMPLE else state


def parts(n: int) -> Iterator[slice]:
    """Slices of BLOCK pixels."""
    return (slice(first, min(first + BLOCK, n)) for first in range(0, n, BLOCK))


def wave_of(when: datetime) -> Array:
    """1, cos, sin of the time of year."""
    days = (when - datetime(2000, 1, 1, tzinfo=UTC)).total_seconds() / 86_400
    angle = 2 * math.pi * days / YEAR_DAYS
    return np.array([1.0, math.cos(angle), math.sin(angle)], np.float32)


def _products(wave: Array) -> Array:
    _, cos, sin = wave
    return np.array([1.0, cos, sin, cos * cos, cos * sin, sin * sin], np.float32)


def noise(reflectance: Array) -> Array:
    """What atmospheric correction leaves: 0.005 + 5 % of the reflectance (Vermote & Kotchenova 2008, JGR 113).

    The first guess of a pixel's residuals, and the least they are ever taken to be.
    """
    return np.float32(0.005) + np.float32(0.05) * np.abs(reflectance)


def predicted(state: Seasonal, part: slice, wave: Array) -> tuple[Array, Array]:
    """Expected reflectance (bands, m), and the variance of that expectation in residual variances, (m,).

    The 3 x 3 normal equations are solved by their adjugate. A pixel never seen: 0, and some large variance.
    """
    a, b, c, d, e, f = state.gram[:, part]
    a, d, f = a + np.float32(1e-6), d + np.float32(WAVE**-2), f + np.float32(WAVE**-2)
    _, cos, sin = wave
    first, second, third = d * f - e * e, c * e - b * f, b * e - c * d
    determinant = a * first + b * second + c * third
    mixed = b * c - a * e
    solved = np.stack(
        (
            first + second * cos + third * sin,
            second + (a * f - c * c) * cos + mixed * sin,
            third + mixed * cos + (a * d - b * b) * sin,
        )
    )
    solved /= determinant
    mean: Array = np.einsum("bpn,pn->bn", state.right[:, :, part], solved)
    return mean, np.maximum(solved[0] + solved[1] * cos + solved[2] * sin, 0)


def standardised(off: Array, spread2: Array, leverage: Array) -> Array:
    """Residuals in standard deviations, shape (bands, m): their own, and that of the expectation."""
    z: Array = off / np.sqrt(spread2 * (1 + leverage))
    return z


def cloud_coloured(off: Array, mean: Array) -> Mask:
    """True where the residuals `off` from `mean` have the colour of cloud, haze, snow or shadow. Shape (m,)."""
    with np.errstate(invalid="ignore"):  # what is not clear may be NaN
        white = (off[0] > VEIL * noise(mean[0])) & (off[0] >= FLATNESS * off[1:].max(axis=0))
        shade = (off[1:] < (SHADE - 1) * mean[1:]).all(axis=0)
    coloured: Mask = white | shade
    return coloured


def may_be_cloud(state: Seasonal, part: slice) -> Mask:
    """False where nothing is usual yet, and where the colour of cloud has stayed too long for one. Shape (m,)."""
    return (state.seen[part] >= LEAST_LOOKS) & (state.left_out[part] < LASTING)


def inverse_correlation(state: Seasonal) -> Array:
    """Of the bands, shrunk; shape (bands, bands)."""
    shrunk = (1 - SHRINKAGE) * state.correlation + SHRINKAGE * np.eye(len(state.bands))
    return np.linalg.inv(shrunk).astype(np.float32)


def squared_distance(z: Array, inverse: Array) -> Array:
    """Mahalanobis distance squared of standardised residuals (bands, m); shape (m,)."""
    out: Array = np.einsum("bn,bn->n", z, inverse @ z)
    return np.maximum(out, np.float32(0))


def _correlated(state: Seasonal, moments: NDArray[np.float64]) -> Seasonal:
    scale = np.sqrt(np.diag(moments))
    if not scale.all():  # a band that never varies says nothing
        return state
    step = (moments / np.outer(scale, scale) - state.correlation) / min(state.looks + 2, MEMORY)
    return replace(state, correlation=state.correlation + step, looks=state.looks + 1)
