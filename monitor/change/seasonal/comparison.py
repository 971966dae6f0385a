"""One look beside what its track usually shows at this time of year."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from monitor.change.seasonal.state import (
    LEAST_SAMPLE,
    MEMORY,
    PRIOR_LOOKS,
    SAMPLE,
    VISIBLE,
    Array,
    Seasonal,
    cloud_coloured,
    inverse_correlation,
    may_be_cloud,
    noise,
    parts,
    predicted,
    squared_distance,
    standardised,
    wave_of,
)
from monitor.grid import Mask

MOST_HIDDEN = 0.3
"""Share from which on the look as a whole is of no use."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A look beside what is usual at this time of year."""

    distance: Array
    """Shape (n,). Robust multi-band distance in standard deviations: for unchanged land about the law of chi with as
    many degrees of freedom as bands. NaN where not clear or seen too rarely."""

    brighter: Mask
    """Shape (n,). True where the visible bands are brighter than usual on average."""

    clear: Mask
    """Shape (n,). As given: True where the ground was seen."""

    hidden: Mask
    """Shape (n,). True where the change of colour is that of cloud, haze, snow or shadow, and not a lasting one."""

    hidden_share: float
    """Share of `hidden` among the pixels that have a distance; NaN without one."""

    shift: Array
    """Shape (bands,). Shared by the whole look (haze, sun, processor), reflectance; taken out of `distance`."""

    inflation: float
    """How much wider than chi the middle of the distances of this look is; at least 1."""

    freedom: float
    """Degrees of freedom of the variances that the distances rest on."""

    @property
    def veiled(self) -> bool:
        """True for a look that is of no use: cloud, haze or shadow over much of it that the classification missed."""
        return self.hidden_share > MOST_HIDDEN


def compared(state: Seasonal, values: Array, clear: Mask, when: datetime) -> Compared:
    """A look beside the state before it. Arguments as for `updated`."""
    wave, inverse, n = wave_of(when), inverse_correlation(state), state.seen.size
    usable = clear & state.known()
    shift = _shift(state, values, usable, wave)
    visible = [b in VISIBLE for b in state.bands]
    distance = np.full(n, np.nan, np.float32)
    brighter, hidden = np.zeros(n, bool), np.zeros(n, bool)
    for part in parts(n):
        mean, leverage = predicted(state, part, wave)
        off = values[:, part] - mean
        hidden[part] = usable[part] & may_be_cloud(state, part) & cloud_coloured(off, mean)
        off -= shift[:, None]
        z = standardised(off, np.maximum(state.variance[:, part], noise(mean) ** 2), leverage)
        with np.errstate(invalid="ignore"):  # what is not clear may be NaN
            d = np.sqrt(squared_distance(z, inverse))
            brighter[part] = (off[visible].mean(axis=0) > 0) & usable[part]
        distance[part] = np.where(usable[part], d, np.float32(np.nan))
    count = int(usable.sum())
    middle = math.sqrt(special.chdtri(len(state.bands), 0.5))
    return Compared(
        distance=distance,
        brighter=brighter,
        clear=clear,
        hidden=hidden,
        hidden_share=int(hidden.sum()) / count if count else math.nan,
        shift=shift,
        inflation=max(1.0, float(np.median(_sampled(distance[usable]))) / middle) if count else 1.0,
        freedom=float(min(np.median(state.seen[usable]), MEMORY)) + PRIOR_LOOKS if count else PRIOR_LOOKS,
    )


def _sampled(values: NDArray[Any]) -> NDArray[Any]:
    return values[:: max(1, values.size // SAMPLE)]


def _shift(state: Seasonal, values: Array, usable: Mask, wave: Array) -> Array:
    """The median residual of each band, shape (bands,); 0 with too few pixels to tell."""
    chosen = _sampled(np.flatnonzero(usable))
    if chosen.size < LEAST_SAMPLE:
        return np.zeros(len(values), np.float32)
    some = replace(state, gram=state.gram[:, chosen], right=state.right[:, :, chosen])
    mean, _ = predicted(some, slice(None), wave)
    shift: Array = np.median(values[:, chosen] - mean, axis=1).astype(np.float32)
    return shift
