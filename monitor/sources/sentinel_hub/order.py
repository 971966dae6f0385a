"""What is asked of the Process API for one pass: which acquisition, processed how. Every option is set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.coding import LOWEST_DB, LOWEST_REFLECTANCE, STEP_DB, STEP_REFLECTANCE, Coding, coding_of
from monitor.scene import Direction, Sensor
from monitor.sources.sentinel_hub.evalscript import evalscript

COLLECTIONS = {Sensor.SENTINEL1: "sentinel-1-grd", Sensor.SENTINEL2: "sentinel-2-l2a"}
"""As the STAC catalogue, the Catalog API and the Process API all name them."""

OPTICAL_BANDS = frozenset(["b01", "b02", "b03", "b04", "b05", "b06", "b07", "b08", "b8a", "b09", "b11", "b12", "scl"])

MARGIN = timedelta(seconds=1)
"""Catalogues cut or round instants to seconds; the next pass over a place is minutes away at least."""

PROCESSING: Mapping[Sensor, Mapping[str, Any]] = {
    # The service's own defaults: ellipsoid, not orthorectified, terrain model MAPZEN.
    Sensor.SENTINEL1: {
        "backCoeff": "GAMMA0_TERRAIN",
        "orthorectify": True,
        "demInstance": "COPERNICUS_30",
        "radiometricTerrainOversampling": 2,
        "speckleFilter": {"type": "NONE"},
        "upsampling": "BILINEAR",
        "downsampling": "BILINEAR",
    },
    # Classes must not be interpolated, and all bands of a request are resampled alike.
    Sensor.SENTINEL2: {"harmonizeValues": True, "upsampling": "NEAREST", "downsampling": "NEAREST"},
}

CODINGS: Mapping[Coding, Mapping[str, Any]] = {
    Coding.POWER: {"dn_1": LOWEST_DB, "step": STEP_DB, "unit": "dB"},
    Coding.REFLECTANCE: {"dn_1": LOWEST_REFLECTANCE, "step": STEP_REFLECTANCE, "unit": "reflectance"},
    Coding.CLASSES: {"dn_1": 1, "step": 1, "unit": "class"},
}


@dataclass(frozen=True, kw_only=True)
class Order:
    """One pass, in the terms of the service."""

    sensor: Sensor
    bands: Sequence[str]
    """In lower case, in the order of the output."""

    start: datetime
    """First and last instant of its scenes, UTC."""

    end: datetime
    direction: Direction = Direction.UNKNOWN
    polarisation: str = ""
    """The two letters of the Sentinel-1 product; empty: not stated, and not asked for."""

    @property
    def collection(self) -> str:
        """Where it is taken from."""
        return COLLECTIONS[self.sensor]

    @property
    def script(self) -> str:
        """The evalscript."""
        return evalscript(self.sensor, self.bands)

    def input(self) -> dict[str, Any]:
        """The one entry of `input.data` in the request."""
        return {
            "type": self.collection,
            "dataFilter": self._filter(),
            "processing": dict(PROCESSING[self.sensor]),
        }

    def provenance(self) -> dict[str, Any]:
        """How the pixels came to be; JSON values only."""
        return {
            "collection": self.collection,
            "data_filter": self._filter(),
            "processing": dict(PROCESSING[self.sensor]),
            "bands": list(self.bands),
            "coding": {band: dict(CODINGS[coding_of(self.sensor, band)]) for band in self.bands},
            "evalscript_sha256": hashlib.sha256(self.script.encode()).hexdigest(),
        }

    def _filter(self) -> dict[str, Any]:
        wanted: dict[str, Any] = {
            "timeRange": {"from": _stamp(self.start - MARGIN), "to": _stamp(self.end + MARGIN)},
            "mosaickingOrder": "mostRecent",
        }
        if self.sensor is Sensor.SENTINEL2:
            return wanted | {"maxCloudCoverage": 100}
        wanted |= {"acquisitionMode": "IW", "resolution": "HIGH"}
        if self.polarisation:
            wanted["polarization"] = self.polarisation
        if self.direction is not Direction.UNKNOWN:
            wanted["orbitDirection"] = self.direction.upper()
        return wanted


def _stamp(instant: datetime) -> str:
    """2024-12-25T03:35:18.250000Z; without the fraction where there is none."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
