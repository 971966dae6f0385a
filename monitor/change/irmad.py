"""Iteratively reweighted multivariate alteration detection (IR-MAD) of two multi-band images.

Nielsen, Conradsen & Simpson (1998), Remote Sensing of Environment 64(1): the differences of the canonical variates of
two images (MAD variates) are uncorrelated, and linear changes of any band (haze, calibration) do not alter them.
Nielsen (2007), IEEE Trans. Image Processing 16(2): each round weights every pixel with its chance of being unchanged,
so that the correlations come to describe the unchanged ground alone.

The sum of squared, standardised variates follows chi-square with as many degrees of freedom as bands where nothing
changed *and* differences are normal. Real images have heavier tails: take a threshold from the image, not from the law.

The pixels are kept in small blocks which each round reads once: variates, chi-square, weights and the next weighted
covariance are made of a block while it lies in the cache.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import special

from monitor.grid import Mask

Array = NDArray[np.float32]
Matrix = NDArray[np.float64]

RIDGE = 1e-6
"""Share added to the variance of each band: bands that are constant, or copies of others, stay harmless."""

SETTLED = 1e-3
"""Rounds end when no canonical correlation moves by more."""

MOST_ROUNDS = 50

PER_BAND = 20
"""Pixels needed for each of the bands: fewer fit themselves."""

OWN_THREADS = 2**18
"""Multiplications above which BLAS would start threads of its own inside ours."""

AT_ONCE = 8192
"""Pixels handled together: they and what is made of them stay in the cache of a core."""

THREADS = 2

PART = 2**16
"""Pixels handed to a thread at a time."""

TABLE = 4096
"""Steps of the table of the chi-square survival function, linear between them: right to 1e-6."""

LEAST_P = 1e-7
"""Where the table ends; weights below are zero."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What IR-MAD says of two images."""

    variates: Array
    """Shape (bands, height, width): MAD variates of unit variance on unchanged ground, the least correlated pair of
    canonical variates (the greatest difference) first; NaN where not used."""

    chi2: Array
    """Shape (height, width). Sum of squares of the variates; NaN where not used."""

    weights: Array
    """Shape (height, width). Chance of a chi-square at least that great on unchanged ground; NaN where not used."""

    correlations: tuple[float, ...]
    """Of the canonical variates of unchanged ground, in the order of the variates (rising)."""

    iterations: int
    """Rounds until settled, or the most there may be."""


def irmad(before: Array, after: Array, use: Mask, most_rounds: int = MOST_ROUNDS) -> Result:
    """Compare two images of the same ground.

    Args:
        before: shape (bands, height, width), any linear unit.
        after: the same shape; units may differ from those of `before`.
        use: shape (height, width). True for the pixels to compare; those with a NaN in any band are left out.
        most_rounds: after which it ends, settled or not; what it costs is compared round by round.

    Raises:
        ValueError: the shapes differ, or fewer than 20 pixels for each band can be used.
    """
    if before.shape != after.shape or before.shape[1:] != use.shape:
        raise ValueError(f"images of {before.shape} and {after.shape} with a mask of {use.shape} cannot be compared")
    use = usable(before, after, use)
    blocks = _blocked(before, after, use)
    survival = _Survival.of(len(before))
    parts = np.array_split(blocks, -(-len(blocks) * blocks.shape[2] // PART))
    with ThreadPoolExecutor(THREADS) as pool:
        sums = np.sum(list(pool.map(_sums, parts)), axis=0)
        previous = np.full(len(before), np.inf)
        for rounds in range(1, most_rounds + 1):
            projection, correlations = _canonical(sums)
            if rounds == most_rounds or np.abs(correlations - previous).max() < SETTLED:
                break
            previous = correlations
            again = partial(_reweighted, projection=projection, survival=survival)
            sums = np.sum(list(pool.map(again, parts)), axis=0)
    return _result(blocks, use, projection, correlations, rounds)


def mad(before: Array, after: Array, use: Mask, unchanged: Mask) -> Result:
    """The variates of all used pixels where the unchanged ones are given: one round, no weights.

    `unchanged`: shape (height, width). True for pixels taken to be unchanged. The rest as `irmad`.
    """
    use = usable(before, after, use)
    usable(before, after, use & unchanged)
    blocks = _blocked(before, after, use)
    kept = np.zeros((len(blocks), 1, blocks.shape[2]), np.float32)
    kept.ravel()[: int(use.sum())] = unchanged[use]
    projection, correlations = _canonical(_sums(blocks * kept))
    return _result(blocks, use, projection, correlations, 1)


def usable(before: Array, after: Array, use: Mask) -> Mask:
    """The used pixels without those that are NaN or infinite in any band of either image. Shape (height, width).

    Raises:
        ValueError: as `irmad`.
    """
    if before.shape != after.shape or before.shape[1:] != use.shape:
        raise ValueError(f"images of {before.shape} and {after.shape} with a mask of {use.shape} cannot be compared")
    left: Mask = use.copy()
    for band in (*before, *after):
        left &= np.isfinite(band)
    if left.sum() < PER_BAND * len(before):
        raise ValueError(f"{int(left.sum())} usable pixels are too few for {len(before)} bands")
    return left


@dataclass(frozen=True, kw_only=True)
class _Survival:
    """Chi-square survival function by table: the exact one costs 80 ns a value.

    The table runs over the root of chi-square, in which the function has no steep start, whatever the freedom.
    """

    value: Array
    rise: Array
    per_step: np.float32

    @classmethod
    def of(cls, freedom: int) -> _Survival:
        end = float(np.sqrt(special.chdtri(freedom, LEAST_P)))
        exact = special.chdtrc(freedom, np.linspace(0, end, TABLE + 1) ** 2)
        exact[-1] = 0
        value = exact.astype(np.float32)
        return cls(value=value, rise=np.append(np.diff(value), np.float32(0)), per_step=np.float32(TABLE / end))

    def __call__(self, chi2: Array) -> Array:
        place: Array = np.sqrt(chi2)
        place *= self.per_step
        np.minimum(place, np.float32(TABLE), out=place)
        step = place.astype(np.int32)
        place -= step
        place *= self.rise.take(step)
        place += self.value.take(step)
        return place


def _blocked(before: Array, after: Array, use: Mask) -> Array:
    """Used pixels in blocks: shape (blocks, 2 bands + 1, pixels of a block).

    Rows: the bands of `before`, those of `after`, each of mean 0 and variance 1, and a row of ones, through which one
    product gives sums, means and covariances. The last block is filled up with zeros, also in that row.
    """
    bands, used = 2 * len(before), int(use.sum())
    size = 2 ** int(np.log2(OWN_THREADS / (bands + 1) ** 2))
    blocks = np.zeros((-(-used // size), bands + 1, size), np.float32)
    row = np.zeros(len(blocks) * size, np.float32)
    for number, band in enumerate((*before, *after)):
        values = band[use]
        row[:used] = (values - values.mean(dtype=np.float64)) / (values.std(dtype=np.float64) or 1.0)
        blocks[:, number] = row.reshape(-1, size)
    row[:used] = 1
    blocks[:, bands] = row.reshape(-1, size)
    return blocks


def _sums(blocks: Array) -> Matrix:
    """Sums of the products of all rows, shape (rows, rows)."""
    total: Matrix = np.matmul(blocks, blocks.transpose(0, 2, 1)).sum(axis=0, dtype=np.float64)
    return total


def _reweighted(blocks: Array, projection: Array, survival: _Survival) -> Matrix:
    """The same, each pixel weighted by its chance of being unchanged."""
    total: Matrix = np.zeros((blocks.shape[1], blocks.shape[1]))
    step = max(1, AT_ONCE // blocks.shape[2])
    for start in range(0, len(blocks), step):
        some = blocks[start : start + step]
        variates = np.matmul(projection, some)
        np.multiply(variates, variates, out=variates)
        weighted = some * survival(variates.sum(axis=1))[:, np.newaxis]
        total += np.matmul(weighted, some.transpose(0, 2, 1)).sum(axis=0, dtype=np.float64)
    return total


def _canonical(sums: Matrix) -> tuple[Array, NDArray[np.float64]]:
    """The matrix that makes standardised MAD variates of the rows, shape (bands, rows), and the correlations, rising.

    With covariances whitened by their Cholesky factors, the canonical correlations are singular values: the pairs of
    variates come with unit variance and a positive correlation r, and their difference has the variance 2 (1 - r).
    """
    bands = len(sums) // 2
    mean = sums[:-1, -1] / sums[-1, -1]
    covariance = sums[:-1, :-1] / sums[-1, -1] - np.outer(mean, mean)
    covariance += np.diag(RIDGE * np.maximum(np.diag(covariance), RIDGE))
    # inverses, as scipy's triangular solver wakes BLAS threads even for 6 x 6, and they spin against ours
    first = np.linalg.inv(np.linalg.cholesky(covariance[:bands, :bands]))
    second = np.linalg.inv(np.linalg.cholesky(covariance[bands:, bands:]))
    left, correlations, right = np.linalg.svd(first @ covariance[:bands, bands:] @ second.T)
    a = first.T @ left[:, ::-1]
    b = second.T @ right[::-1].T
    rising = correlations[::-1]
    both = np.vstack([a, -b]).T / np.sqrt(2 * np.maximum(1 - rising, RIDGE))[:, np.newaxis]
    return np.column_stack([both, -both @ mean]).astype(np.float32), rising


def _result(blocks: Array, use: Mask, projection: Array, correlations: Matrix, rounds: int) -> Result:
    variates = np.empty((len(projection), len(blocks) * blocks.shape[2]), np.float32)
    by_block = variates.reshape(len(projection), len(blocks), -1)
    for start in range(0, len(blocks), PART // blocks.shape[2]):
        part = slice(start, start + PART // blocks.shape[2])
        by_block[:, part] = np.matmul(projection, blocks[part]).transpose(1, 0, 2)
    variates = variates[:, : int(use.sum())]
    chi2 = np.einsum("bp,bp->p", variates, variates)
    return Result(
        variates=_image(variates, use),
        chi2=_image(chi2, use),
        weights=_image(_Survival.of(len(projection))(chi2), use),
        correlations=tuple(float(c) for c in correlations),
        iterations=rounds,
    )


def _image(values: Array, use: Mask) -> Array:
    """Values of the used pixels put back in their places, NaN elsewhere."""
    if use.all():
        return values.reshape(*values.shape[:-1], *use.shape)  # a copy costs as much as a round
    image = np.full((*values.shape[:-1], *use.shape), np.nan, np.float32)
    image[..., use] = values
    return image
