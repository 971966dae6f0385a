"""What a catalogue says about how a product was acquired, in the terms that the service is asked in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitor.errors import UsageError
from monitor.scene import Scene, Sensor
from monitor.sources import acquisition
from monitor.times import utc

Item = Mapping[str, Any]

GRD = re.compile(r"S1[A-Z]_[A-Z0-9]{2}_GRD([FHM])_")
RESOLUTIONS = {"F": "FULL", "H": "HIGH", "M": "MEDIUM"}
CODES = {frozenset(channels): code for code, channels in acquisition.BOTH.items()}
"""The two letters of the service by channels: VV and VH -> DV."""

SAME_INSTANT = timedelta(seconds=2)


@dataclass(frozen=True, kw_only=True)
class Radar:
    """How a Sentinel-1 product was acquired; empty: not stated."""

    mode: str
    type: str
    resolution: str
    channels: tuple[str, ...]
    """In capitals."""

    @property
    def code(self) -> str:
        """SV, DV, SH or DH."""
        return CODES.get(frozenset(self.channels), "")


def radar(item: Item) -> Radar:
    """Of an item, from its name and its properties."""
    properties = item.get("properties") or {}
    name = acquisition.named({"id": item.get("id"), "properties": properties})
    letter = GRD.match(str(item.get("id", "")))
    return Radar(
        mode=name.get("mode") or str(properties.get("sar:instrument_mode") or "").upper(),
        type=name.get("type") or str(properties.get("sar:product_type") or "").upper(),
        resolution=RESOLUTIONS[letter[1]] if letter else str(properties.get("s1:resolution") or "").upper(),
        channels=tuple(acquisition.channels(properties, name)),
    )


def unfit(item: Item) -> str:
    """Why a Sentinel-1 product is of no use here; empty if it is of use.

    Used are products of the interferometric wide swath mode, ground range, high resolution, with VV.
    """
    found = radar(item)
    if found.mode != "IW":
        return f"mode {found.mode or 'not stated'}, not IW"
    if found.type not in {"", "GRD"}:
        return f"product type {found.type}, not GRD"
    if found.resolution not in {"", "HIGH"}:
        return f"resolution {found.resolution}, not HIGH"
    if "VV" not in found.channels:
        return f"polarisation {' + '.join(found.channels) or 'not stated'}, not VV"
    return ""


def acquired(scene: Scene) -> tuple[datetime, datetime] | None:
    """First and last instant at which the service has the scene; None if its catalogue entry does not say.

    A STAC catalogue dates a Sentinel-2 tile by its datatake, the service by the moment when the tile itself was
    seen: up to a quarter of an hour later.
    """
    at = moment(scene.item)
    if scene.track.sensor is Sensor.SENTINEL1 or at is None:
        return scene.start, scene.end
    datatake = acquisition.named(scene.item).get("start")
    return None if datatake and abs(at - utc(datatake)) <= SAME_INSTANT else (at, at)


def moment(item: Item) -> datetime | None:
    """The `datetime` of an item; None if it has none that can be read."""
    try:
        return utc(item["properties"]["datetime"])
    except (KeyError, TypeError, AttributeError, UsageError):
        return None
