"""The record beside the pixels: which look this is, from which scenes, and the hash that the pixels must have.

It is JSON, sealed by a hash of its own: what does not hold to the last byte counts for nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from monitor.archive.pixels import LINE
from monitor.coding import Coding, coding_of
from monitor.grid import Grid
from monitor.scene import Pass, Scene
from monitor.sealed import seal, unseal
from monitor.stack import Stack

__all__ = ["describe", "identity", "seal", "unseal", "unsigned"]

FORMAT: Final = 1
"""Raised when a kept look of an earlier version would be misread. Older ones then count as not kept."""

SECRET = re.compile(
    r"[?&;][^=&;?#\s]*(?:sig|token|secret|passw|credential|key|hmac|auth|policy)[^=&;?#\s]*=", re.IGNORECASE
)
"""A parameter of an address that may give access: signatures of object stores, tokens, keys."""

LOGIN = re.compile(r"(?<=://)[^/?#\s]*@")
"""Name and password before a host."""


def identity(aoi: str, taken: Pass, grid: Grid, bands: Sequence[str], recipe: str) -> str:
    """SHA-256, hex, of all that decides the pixels. The order of scenes and of bands does not."""
    sensor = taken.track.sensor
    parts = [
        FORMAT,
        aoi,
        taken.id,
        sorted([s.id, s.version] for s in taken.scenes),
        _numbers(grid),
        sorted([b, LINE[coding_of(sensor, b)]] for b in set(bands)),
        recipe,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def describe(
    aoi: str, taken: Pass, stack: Stack, *, asked: Sequence[str], recipe: str, pixels: bytes, as_of: datetime
) -> dict[str, Any]:
    """The record of a look. JSON values only; addresses in it carry no signature and no login."""
    sensor = taken.track.sensor
    return {
        "format": FORMAT,
        "identity": identity(aoi, taken, stack.grid, asked, recipe),
        "aoi": aoi,
        "look": taken.id,
        "track": asdict(taken.track),
        "platform": taken.platform,
        "start": taken.start.isoformat(),
        "end": taken.end.isoformat(),
        "kept_at": as_of.isoformat(),
        "grid": asdict(stack.grid),
        "asked": sorted(set(asked)),
        "bands": {name: _coding(coding_of(sensor, name)) for name in stack.bands},
        "recipe": unsigned(recipe),
        "sha256": hashlib.sha256(pixels).hexdigest(),
        "bytes": len(pixels),
        "provenance": unsigned(stack.provenance),
        "scenes": [_scene(s) for s in taken.scenes],
    }


def unsigned(value: Any) -> Any:
    """The JSON value; addresses in it lose their query if it may give access, and the login before the host."""
    if isinstance(value, Mapping):
        return {str(k): unsigned(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [unsigned(v) for v in value]
    if not isinstance(value, str):
        return value
    bare = LOGIN.sub("", value)
    return bare.partition("?")[0] if SECRET.search(bare) else bare


def _scene(scene: Scene) -> dict[str, Any]:
    return {"id": scene.id, "source": scene.source, "version": scene.version, "item": unsigned(scene.item)}


def _coding(coding: Coding) -> dict[str, Any]:
    scale, offset, unit = LINE[coding]
    return {"coding": coding, "scale": scale, "offset": offset, "unit": unit}


def _numbers(grid: Grid) -> list[float]:
    """500000 and 500000.0 are the same place."""
    return [float(v) for v in (grid.epsg, grid.left, grid.top, grid.resolution, *grid.shape)]
