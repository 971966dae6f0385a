"""Values as bytes and text for the database, and back."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.alert import Calibration, Ending, Incident, Interval90, Kind, Recall, ShipRecall, State
from monitor.change.omnibus import Segments
from monitor.change.scatter import Scatter
from monitor.change.seasonal import Seasonal
from monitor.change.yard import Yard
from monitor.quality.clouds import CloudCounts
from monitor.reference import Reference
from monitor.times import utc
from monitor.track_state import Past, TrackState

PARTS: Mapping[str, type[Any]] = {
    "water": Reference,
    "yard": Yard,
    "scatter": Scatter,
    "segments": Segments,
    "season": Seasonal,
    "clouds": CloudCounts,
    "past": Past,
}
"""Of a track's state."""

SEQUENCES = frozenset({"bands", "sea_db", "texture", "haze"})
"""Fields that are tuples; all others are arrays or single numbers."""


def pack(state: TrackState) -> bytes:
    """The state of a track as compressed bytes."""
    arrays: dict[str, Any] = {}
    for part in PARTS:
        held = getattr(state, part)
        if held is not None:
            arrays |= {f"{part}.{f.name}": np.asarray(getattr(held, f.name)) for f in fields(held)}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return zlib.compress(buffer.getbuffer(), 1)


def unpack(data: bytes) -> TrackState:
    """The state of `pack`."""
    with np.load(io.BytesIO(zlib.decompress(data)), allow_pickle=False) as saved:
        return TrackState(**{part: _part(kind, part, saved) for part, kind in PARTS.items()})


def _part(kind: type[Any], part: str, saved: Mapping[str, Any]) -> Any:
    names = [f.name for f in fields(kind)]
    if f"{part}.{names[0]}" not in saved:
        return None
    return kind(**{name: _value(name, saved[f"{part}.{name}"]) for name in names})


def _value(name: str, array: NDArray[Any]) -> Any:
    if name in SEQUENCES:
        return tuple(array.tolist())
    return array if array.ndim else array.item()


TIMES = ("onset", "raised", "until", "last")


def incident_json(incident: Incident) -> str:
    """An incident as JSON text with sorted keys."""
    body: dict[str, Any] = {f.name: getattr(incident, f.name) for f in fields(incident)}
    for name in TIMES:
        body[name] = body[name].isoformat() if body[name] else None
    for name in ("mean", "usual"):
        body[name] = body[name] if body[name] == body[name] else None
    if incident.onset_between is not None:
        body["onset_between"] = [moment.isoformat() for moment in incident.onset_between]
    return json.dumps(body, sort_keys=True)


def incident_from(text: str) -> Incident:
    """The incident of `incident_json`."""
    body = json.loads(text)
    for name in TIMES:
        body[name] = utc(body[name]) if body.get(name) else None
    for name in ("mean", "usual"):
        body[name] = float("nan") if body[name] is None else body[name]
    for name in ("looks", "tracks", "hits"):
        body[name] = tuple(body[name])
    for name in ("level", "ratio", "difference"):
        body[name] = Interval90(*body[name]) if body.get(name) else None
    between = body.get("onset_between")
    body["onset_between"] = (utc(between[0]), utc(between[1])) if between else None
    body["ending"] = Ending(body["ending"]) if body.get("ending") else None
    known = {f.name for f in fields(Incident)}  # of an older version some are gone
    kept = {name: value for name, value in body.items() if name in known}
    return Incident(**{**kept, "kind": Kind(body["kind"]), "state": State(body["state"])})


def calibration_json(calibration: Calibration) -> str:
    """A calibration as JSON text with sorted keys."""
    body = asdict(calibration)
    return json.dumps({**body, "at": calibration.at.isoformat()}, sort_keys=True, allow_nan=False)


def calibration_from(text: str) -> Calibration:
    """The calibration of `calibration_json`."""
    body = json.loads(text)
    recall = tuple(Recall(**{**row, "found": Interval90(*row["found"])}) for row in body["recall"])
    ships = tuple(ShipRecall(**{**row, "found": Interval90(*row["found"])}) for row in body.get("ships", ()))
    return Calibration(
        **{
            **body,
            "at": utc(body["at"]),
            "false_alarms_a_year": Interval90(*body["false_alarms_a_year"]),
            "recall": recall,
            "recipes": tuple(body["recipes"]),
            "left_out": tuple(body.get("left_out", ())),
            "ships": ships,
        }
    )
