"""Values as bytes and text for the database, and back."""

from __future__ import annotations

import io
import json
import zlib
from dataclasses import fields
from typing import Any

import numpy as np

from monitor.alert import Incident, Kind, State
from monitor.reference import Reference
from monitor.times import utc

ARRAYS = ("histogram", "mean", "lowest", "seen")


def pack(reference: Reference) -> bytes:
    """A reference as compressed bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, looks=reference.looks, **{name: getattr(reference, name) for name in ARRAYS})
    return zlib.compress(buffer.getbuffer(), 1)


def unpack(data: bytes) -> Reference:
    """The reference of `pack`."""
    with np.load(io.BytesIO(zlib.decompress(data)), allow_pickle=False) as saved:
        return Reference(looks=int(saved["looks"]), **{name: saved[name] for name in ARRAYS})


TIMES = ("onset", "raised", "until", "last")


def incident_json(incident: Incident) -> str:
    """An incident as JSON text with sorted keys."""
    body: dict[str, Any] = {f.name: getattr(incident, f.name) for f in fields(incident)}
    for name in TIMES:
        body[name] = body[name].isoformat() if body[name] else None
    for name in ("mean", "usual"):
        body[name] = body[name] if body[name] == body[name] else None
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
    return Incident(**{**body, "kind": Kind(body["kind"]), "state": State(body["state"])})
