"""Processing units of a request, by the service's published formula. Apart from the tool's own, it is the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from servers.sentinel_hub.evalscript import SampleType, Setup

REFERENCE_PIXELS = 512 * 512
REFERENCE_BANDS = 3


def spent(setup: Setup, width: int, height: int, processing: Mapping[str, Any]) -> float:
    """Units of one Process request with SIMPLE mosaicking (one sample a pixel)."""
    area = max(0.01, width * height / REFERENCE_PIXELS)
    bands = sum(band.name != "dataMask" for band in setup.inputs) / REFERENCE_BANDS
    depth = 2 if any(output.sample_type is SampleType.FLOAT32 for output in setup.outputs) else 1
    return max(0.005, area * bands * depth * _radar(processing))


def _radar(processing: Mapping[str, Any]) -> float:
    factor = 1.0
    if processing.get("backCoeff") == "GAMMA0_TERRAIN":
        factor = 2.5  # terrain correction includes the orthorectification
    elif processing.get("orthorectify"):
        factor = 2.0
    filtered = processing.get("speckleFilter", {}).get("type", "NONE") != "NONE"
    return factor * (2 if filtered else 1)
