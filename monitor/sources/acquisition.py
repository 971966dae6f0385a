"""What was acquired, told from properties and product names: platform, orbit, tile, datatake, processing. Pure.

Catalogues name the same acquisition differently. What they have in common is ESA's product name, whole or in parts,
so names are read wherever properties leave something open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from monitor.errors import UsageError
from monitor.scene import Sensor
from monitor.times import utc

Properties = Mapping[str, Any]
Named = Mapping[str, str]
"""Parts of a product name; empty: no name was found."""

_S1 = re.compile(
    r"(?P<platform>S1[A-D])_(?P<mode>[A-Z0-9]{2})_(?P<type>[A-Z]{3})[A-Z_]_\dS(?P<polarisations>[SDHV][HV])"
    r"_(?P<start>\d{8}T\d{6})_(?P<end>\d{8}T\d{6})_(?P<absolute>\d{6})_(?P<datatake>[0-9A-F]{6})"
)
_S2 = re.compile(
    r"(?P<platform>S2[A-D])_MSIL(?P<level>\d[A-Z])_(?P<start>\d{8}T\d{6})(_N(?P<baseline>\d{4}))?"
    r"_R(?P<relative>\d{3})_T(?P<tile>\d{2}[A-Z]{3})(_(?P<made>\d{8}T\d{6}))?"
)
_SHORT = re.compile(r"(?P<platform>S[12][A-D])_")
"""How ids begin that are no product names: S2B_20EPT_20250731_0_L2A."""

_NAMES = ("s2:product_uri", "s1:product_identifier", "sentinel:product_id", "title", "identifier")
"""Properties that hold product names."""

_DATATAKE = re.compile(r"GS2[A-D]_(\d{8}T\d{6})_")
_TILE = re.compile(r"(?:MGRS-|T)?(\d{1,2})([A-Z])([A-Z]{2})")
_PLATFORM = re.compile(r"s(?:entinel)?[ _-]?([12])[ _-]?([a-d])")

S1_CYCLE = 175
"""Orbits after which a Sentinel-1 flies over the same ground again."""

_S1_SHIFT = {"sentinel-1a": 73, "sentinel-1b": 27, "sentinel-1c": 172, "sentinel-1d": 42}
_S1C_MOVED_AFTER = 8018
_S1C_SHIFT_NOW = 99
"""Sentinel-1C was moved along its orbit in June 2026, after this absolute orbit."""

BOTH = {"DV": ("VV", "VH"), "DH": ("HH", "HV"), "SV": ("VV",), "SH": ("HH",)}
"""Channels of the letters in names: dual or single polarisation, sent vertically or horizontally."""


def named(item: Mapping[str, Any]) -> Named:
    """Parts of the first product name found in an item's id or properties."""
    texts = list(_texts(item))
    for pattern in (_S1, _S2, _SHORT):
        for text in texts:
            found = pattern.match(text)
            if found:
                return {k: v for k, v in found.groupdict().items() if v}
    return {}


def _texts(item: Mapping[str, Any]) -> Iterator[str]:
    properties = item["properties"]
    yield from (str(properties[n]) for n in _NAMES if properties.get(n))
    yield str(item.get("id", ""))


def platform(properties: Properties, name: Named) -> str:
    """sentinel-1a, however it was spelt; empty: not stated."""
    for text in (str(properties.get("platform") or ""), name.get("platform", "")):
        found = _PLATFORM.fullmatch(text.strip().lower())
        if found:
            return f"sentinel-{found[1]}{found[2]}"
    return str(properties.get("platform") or "").strip().lower()


def sensor(properties: Properties, satellite: str) -> Sensor | None:
    """Whose product it is; None: none that is known. A constellation that is stated decides."""
    stated = str(properties.get("constellation") or satellite).strip().lower().replace(" ", "-")
    return next((s for s in Sensor if stated.startswith(s.value)), None)


def relative_orbit(properties: Properties, satellite: str, name: Named) -> int | None:
    """As stated, else as named, else from the absolute orbit by the satellite's own formula; None: cannot be told."""
    stated = properties.get("sat:relative_orbit")
    if stated is None:
        stated = name.get("relative")
    if stated is not None:
        return int(stated)
    absolute = properties.get("sat:absolute_orbit") or name.get("absolute")
    shift = _S1_SHIFT.get(satellite)
    if absolute is None or shift is None:
        return None
    if satellite == "sentinel-1c" and int(absolute) > _S1C_MOVED_AFTER:
        shift = _S1C_SHIFT_NOW
    return (int(absolute) - shift) % S1_CYCLE + 1


def channels(properties: Properties, name: Named) -> list[str]:
    """Polarisations in capitals, as stated or named: ["VV", "VH"]."""
    stated = properties.get("sar:polarizations") or []
    letters = name.get("polarisations") or str(properties.get("s1:polarization") or "")
    listed = [stated] if isinstance(stated, str) else stated
    return [str(c).upper() for c in listed or BOTH.get(letters.upper(), ())]


def key(kind: Sensor, satellite: str, properties: Properties, name: Named, start: datetime) -> str:
    """What was acquired over which ground, the same in all catalogues; empty: they do not say.

    Sentinel-1: the product name without the digits that tell a reprocessing from the first, and without what others
    appended. Sentinel-2: platform, start of the datatake and tile; a catalogue that names no datatake gets the minute
    instead, and then agrees with itself only.
    """
    if kind is Sensor.SENTINEL1:
        parts = [name.get(p, "") for p in _S1.groupindex if p != "type"]
        return "-".join(parts).lower() if all(parts) else ""
    where, short = _tile(properties, name), satellite.replace("sentinel-", "s")
    return f"{short}-{_datatake(properties, name, start)}-{where}".lower() if where and short else ""


def _datatake(properties: Properties, name: Named, start: datetime) -> str:
    for text in (properties.get("s2:datatake_id"), properties.get("eopf:datatake_id")):
        found = _DATATAKE.match(str(text))
        if found:
            return found[1]
    return name.get("start") or f"{start:%Y%m%dT%H%M}"


def _tile(properties: Properties, name: Named) -> str:
    """MGRS tile, 20EPT; empty: not stated."""
    squares = [
        "{}{}{}".format(*(properties.get(f"{p}:{n}", "") for n in ("utm_zone", "latitude_band", "grid_square")))
        for p in ("mgrs", "sentinel")
    ]
    for text in (properties.get("grid:code"), properties.get("s2:mgrs_tile"), *squares, name.get("tile")):
        found = _TILE.fullmatch(str(text or "").strip().upper())
        if found:
            return f"{int(found[1]):02d}{found[2]}{found[3]}"
    return ""


def baseline(properties: Properties, name: Named) -> str:
    """Version of the processor as comparable text, 05.11; empty: not stated."""
    stated = [properties.get(k) for k in ("s2:processing_baseline", "sentinel:processing_baseline")]
    for value in (*stated, name.get("baseline"), properties.get("processing:version")):
        text = str(value or "").upper().lstrip("N")
        found = re.fullmatch(r"(\d{2})(\d{2})|(\d{1,3})\.(\d{1,2})", text)
        if found:
            major, minor = (g for g in found.groups() if g)
            return f"{int(major):02d}.{minor:0<2}"
    return ""


def processed(properties: Properties, name: Named) -> str:
    """When the product was made, whole seconds: 2025-07-31T14:39:19Z; empty: not stated."""
    stated = [properties.get(k) for k in ("s2:generation_time", "processing:datetime", "s1:processing_datetime")]
    moments = (_moment(v) for v in (*stated, name.get("made"), properties.get("updated")) if v)
    return next((f"{m:%Y-%m-%dT%H:%M:%SZ}" for m in moments if m), "")


def _moment(value: object) -> datetime | None:
    try:
        return utc(str(value))
    except UsageError:
        return None
