"""Scale and offset of Sentinel-2 reflectance, which catalogues state wrongly. Pure.

Since processing baseline 04.00 (and in all of Collection 1, old dates too) ESA adds 1000 to the DN, so that reflectance
is DN * 0.0001 - 0.1. Catalogues differ in whether they have taken it out of the pixels again, and in what they say
about it. Dates decide nothing here: the baseline and the catalogue's own flags do, and where those have been wrong
before, the pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.errors import SceneError
from monitor.grid import Mask

SCALE = 1e-4
SHIFT = -0.1
SHIFTED_SINCE = "04.00"
"""First processing baseline with the offset."""

TRUTHFUL = frozenset({"sentinel-2-c1-l2a"})
"""Collections that never take the offset out, and state it rightly."""

EARTH_SEARCH = frozenset({"sentinel-2-l2a", "sentinel-s2-l2a-cogs"})
"""Collections of Earth Search where the offset may or may not have been taken out."""

FLAGS = ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")
PREFIXES = ("earthsearch:", "sentinel:")
"""Of properties by which items of Earth Search are known."""

LARGEST = 1.0
"""Reflectance. An offset beyond it is one of DN, or a mistake."""

DARK = 0.09
"""Reflectance without offset, DN 900. With the offset still in the pixels this would be a reflectance of -0.01, which
clear ground has not; without it water and vegetation are mostly darker than this in the visible bands. Not DN 1000:
clear water is so dark in the near infrared that noise alone takes it below."""

DARK_SHARE = 0.01
LEAST_PIXELS = 500
"""Clear values needed to decide."""

CLEAR_GROUND = (4, 5, 6)
"""Scene classification: vegetation, bare ground, water."""


class Rescaling(NamedTuple):
    """Reflectance = DN * scale + offset."""

    scale: float
    offset: float
    doubtful: bool = False
    """True: this is the rule, but catalogues of this kind have been wrong about it."""


def rescaling(
    properties: Mapping[str, Any], collection: str, *, baseline: str, scale: float | None, offset: float | None
) -> Rescaling:
    """How a reflectance band is to be read.

    Args:
        properties: of the item.
        collection: its id, empty if it has none.
        baseline: as comparable text, 05.11; empty: not known.
        scale: as the asset states it; None: it does not.
        offset: likewise.

    Raises:
        SceneError: nothing tells how.
    """
    factor = SCALE if scale is None else scale
    if offset is not None and abs(offset) > LARGEST:
        raise SceneError(f"offset {offset:g} is none of reflectance")
    if collection in TRUTHFUL and offset is not None:
        return Rescaling(factor, offset)
    flag = next((properties[f] for f in FLAGS if isinstance(properties.get(f), bool)), None)
    if flag is True:
        return Rescaling(factor, 0.0)
    shifted = not baseline or baseline >= SHIFTED_SINCE
    of_earth_search = collection in EARTH_SEARCH and any(k.startswith(PREFIXES) for k in properties)
    if flag is False or of_earth_search:
        return Rescaling(factor, SHIFT if shifted else 0.0, doubtful=shifted)
    if offset is not None:
        return Rescaling(factor, offset)
    if not baseline:
        raise SceneError("neither an offset nor a processing baseline is stated, so DN cannot be told as reflectance")
    # a scale without an offset may mean that the offset is 0, or that nobody thought of it
    return Rescaling(factor, SHIFT if shifted else 0.0, doubtful=shifted and scale is not None)


def clear_ground(scl: NDArray[np.float32]) -> Mask:
    """True for vegetation, bare ground and water. Shape as given."""
    ground: Mask = np.isin(scl, CLEAR_GROUND)
    return ground


def taken_out(bands: Sequence[NDArray[np.float32]], clear: Mask | None, offset: float) -> bool | None:
    """True if the pixels show that the offset is no longer in them; None: too few clear ones to tell.

    Args:
        bands: reflectance with the offset applied, (height, width), NaN = not seen.
        clear: True where the ground is clear, (height, width); None: not known, and all that was seen counts.
        offset: what was applied.
    """
    seen = [b[np.isfinite(b) & (True if clear is None else clear)] - np.float32(offset) for b in bands]
    values = np.concatenate(seen) if seen else np.empty(0, np.float32)
    if values.size < LEAST_PIXELS:
        return None
    return bool(np.mean(values < DARK) >= DARK_SHARE)
