"""The pixels of one look on the AOI's grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.grid import Grid, Mask
from monitor.radiometry import LinearPower


@dataclass(frozen=True, kw_only=True)
class Stack:
    """All bands of one pass, all its scenes joined."""

    grid: Grid
    bands: Mapping[str, NDArray[np.float32]]
    """Each (height, width). Radar: linear power. Optical: reflectance. scl: class numbers.
    NaN where the pass did not see the pixel."""

    provenance: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """How the pixels came to be: processing options, corrections, hashes. JSON values only, never a secret."""

    def __post_init__(self) -> None:
        for name, band in self.bands.items():
            if band.shape != self.grid.shape:
                raise ValueError(f"band {name} is {band.shape}, the grid {self.grid.shape}")

    def seen(self) -> Mask:
        """Shape (height, width). True where every band holds a value."""
        seen: Mask = np.ones(self.grid.shape, bool)
        for band in self.bands.values():
            seen &= np.isfinite(band)
        return seen

    def power(self, polarisation: str) -> LinearPower:
        """The radar band of a polarisation ("VV"), linear power, NaN = not seen."""
        return LinearPower(self.bands[polarisation.lower()])
