"""Looks, their scenes and measurements, and the references of the tracks."""

from __future__ import annotations

import json
import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from monitor.history import Point
from monitor.look import Look
from monitor.measures import Measurement, Reason
from monitor.scene import Direction, Pass, Sensor, Track
from monitor.store import schema as t
from monitor.store.packing import pack, unpack
from monitor.store.tables import Tables
from monitor.times import utc
from monitor.track_state import TrackState


@dataclass(frozen=True, kw_only=True)
class Known:
    """A recorded look, as far as the planning of further work needs it."""

    id: str
    scenes: frozenset[tuple[str, str]]
    """Id and version of each. The version is empty in what was recorded before versions were."""

    reason: Reason | None
    reference_looks: int
    reference_digest: str

    def is_of(self, scenes: frozenset[tuple[str, str]]) -> bool:
        """True if the look was made from these scenes (id and version), and none of them was made again since.

        An empty recorded version counts as any: what such a look showed is not known to have changed, and its files
        would be read again for nothing, or are gone by now.
        """
        recorded, named = dict(self.scenes), dict(scenes)
        return recorded.keys() == named.keys() and all(v in {"", named[s]} for s, v in recorded.items())


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What to record of one look."""

    look: Look
    taken: Pass
    measurements: Sequence[Measurement]
    reference_looks: int
    reference_digest: str = ""
    """Of the looks that the reference was made from; empty if there was none."""


@dataclass(frozen=True, kw_only=True)
class SavedState:
    """The state of a track as it was after its first looks."""

    state: TrackState
    position: int
    """Looks of the track that were offered to it, the unreadable ones included."""

    digest: str
    """Of those looks, in order."""


class LookTables(Tables):
    """Looks, scenes and measurements of an AOI."""

    def known_looks(self, aoi: str) -> dict[str, Known]:
        """Recorded looks of an AOI by id."""
        scenes: dict[str, set[tuple[str, str]]] = {}
        s = t.scenes
        for row in self._c.execute(select(s.c.look, s.c.id, s.c.version).where(s.c.aoi == aoi)):
            scenes.setdefault(row.look, set()).add((row.id, row.version))
        rows = self._c.execute(
            select(t.looks.c.id, t.looks.c.reason, t.looks.c.reference_looks, t.looks.c.reference_digest).where(
                t.looks.c.aoi == aoi
            )
        )
        return {
            r.id: Known(
                id=r.id,
                scenes=frozenset(scenes.get(r.id, ())),
                reason=Reason(r.reason) if r.reason else None,
                reference_looks=r.reference_looks,
                reference_digest=r.reference_digest,
            )
            for r in rows
        }

    def known_items(self, aoi: str, but: Container[str] = ()) -> list[tuple[str, Mapping[str, Any]]]:
        """Source and catalogue answer of every recorded scene of an AOI but those with these ids, in order of id."""
        rows = self._c.execute(
            select(t.scenes.c.id, t.scenes.c.source, t.scenes.c.item)
            .where(t.scenes.c.aoi == aoi)
            .order_by(t.scenes.c.id)
        )
        return [(r.source, json.loads(r.item)) for r in rows if r.id not in but]

    def record_look(self, seen: Seen) -> None:
        """Writes a look with its scenes and measurements in place of an earlier version of it."""
        look = seen.look
        self._c.execute(delete(t.looks).where(t.looks.c.aoi == look.aoi, t.looks.c.id == look.id))
        self._c.execute(delete(t.scenes).where(t.scenes.c.aoi == look.aoi, t.scenes.c.id.in_(look.scenes)))
        self._c.execute(insert(t.looks), [_look_row(look, seen)])
        self._c.execute(
            insert(t.scenes),
            [
                {
                    "aoi": look.aoi,
                    "id": s.id,
                    "look": look.id,
                    "source": s.source,
                    "item": json.dumps(s.item),
                    "version": s.version,
                }
                for s in seen.taken.scenes
            ],
        )
        if seen.measurements:
            self._c.execute(insert(t.measurements), [_measurement_row(look, m) for m in seen.measurements])

    def looks(self, aoi: str) -> list[tuple[Look, int]]:
        """All looks in order of time, each with the number of looks of its reference."""
        scenes: dict[str, list[str]] = {}
        for row in self._c.execute(
            select(t.scenes.c.look, t.scenes.c.id).where(t.scenes.c.aoi == aoi).order_by(t.scenes.c.id)
        ):
            scenes.setdefault(row.look, []).append(row.id)
        rows = self._c.execute(select(t.looks).where(t.looks.c.aoi == aoi).order_by(t.looks.c.start, t.looks.c.id))
        return [(_look(r, scenes.get(r.id, [])), r.reference_looks) for r in rows]

    def items(self, aoi: str, look: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Source and catalogue answer of the scenes of a look."""
        rows = self._c.execute(
            select(t.scenes.c.source, t.scenes.c.item)
            .where(t.scenes.c.aoi == aoi, t.scenes.c.look == look)
            .order_by(t.scenes.c.id)
        )
        return [(r.source, json.loads(r.item)) for r in rows]

    def points(self, aoi: str) -> dict[tuple[str, str], list[Point]]:
        """The usable measurements of an AOI by zone and measure, in order of time."""
        m, k = t.measurements, t.looks
        rows = self._c.execute(
            select(m.c.zone, m.c.measure, m.c.look, m.c.value, k.c.track, k.c.start, k.c.platform)
            .join(k, (k.c.aoi == m.c.aoi) & (k.c.id == m.c.look))
            .where(m.c.aoi == aoi, m.c.value.is_not(None))
            .order_by(k.c.start, k.c.id)
        )
        series: dict[tuple[str, str], list[Point]] = {}
        for r in rows:
            series.setdefault((r.zone, r.measure), []).append(
                Point(look=r.look, track=r.track, at=utc(r.start), value=r.value, satellite=r.platform)
            )
        return series

    def measurements(self, aoi: str, zone: str | None = None, measure: str | None = None) -> list[dict[str, Any]]:
        """Measurements with their looks as plain rows, in order of time; unusable ones with their reason."""
        m, k = t.measurements, t.looks
        query = (
            select(m, k.c.track, k.c.platform, k.c.start, k.c.reference_looks)
            .join(k, (k.c.aoi == m.c.aoi) & (k.c.id == m.c.look))
            .where(m.c.aoi == aoi)
            .order_by(k.c.start, k.c.id, m.c.zone, m.c.measure)
        )
        query = query.where(m.c.zone == zone) if zone else query
        query = query.where(m.c.measure == measure) if measure else query
        return [dict(r._asdict()) for r in self._c.execute(query)]

    def forget_looks(self, aoi: str, looks: Sequence[str]) -> None:
        """Removes looks whose scenes turned out to belong to another pass."""
        self._c.execute(delete(t.looks).where(t.looks.c.aoi == aoi, t.looks.c.id.in_(looks)))

    def usable_instants(self, aoi: str) -> list[tuple[Sensor, datetime]]:
        """Sensor and start of the looks that gave at least one number of worth, in order of time."""
        k = t.looks
        rows = self._c.execute(
            select(k.c.sensor, k.c.start).where(k.c.aoi == aoi, k.c.reason.is_(None)).order_by(k.c.start)
        )
        return [(Sensor(r.sensor), utc(r.start)) for r in rows]

    def some_items(self, aoi: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Source and catalogue answer of one scene of each source."""
        rows = self._c.execute(
            select(t.scenes.c.source, t.scenes.c.item).where(t.scenes.c.aoi == aoi).group_by(t.scenes.c.source)
        )
        return [(r.source, json.loads(r.item)) for r in rows]


class StateTable(Tables):
    """The state of each track."""

    def state(self, aoi: str, track: str, recipe: str) -> SavedState | None:
        """The saved state of a track; None if there is none of this recipe."""
        r = t.references
        row = self._c.execute(select(r).where(r.c.aoi == aoi, r.c.track == track, r.c.recipe == recipe)).first()
        return None if row is None else SavedState(state=unpack(row.state), position=row.position, digest=row.digest)

    def save_state(self, aoi: str, track: str, recipe: str, saved: SavedState) -> None:
        """Replaces the state of a track."""
        row = {
            "aoi": aoi,
            "track": track,
            "position": saved.position,
            "digest": saved.digest,
            "recipe": recipe,
            "state": pack(saved.state),
        }
        self._c.execute(upsert(t.references).values(row).on_conflict_do_update(["aoi", "track"], set_=row))


def _look_row(look: Look, seen: Seen) -> dict[str, Any]:
    return {
        "aoi": look.aoi,
        "id": look.id,
        "track": look.track.id,
        "sensor": look.track.sensor,
        "relative_orbit": look.track.relative_orbit,
        "direction": look.track.direction,
        "polarisation": look.track.polarisation,
        "platform": look.platform,
        "start": look.start.isoformat(),
        "valid_fraction": look.valid_fraction,
        "reason": look.reason,
        "detail": look.detail,
        "reference_looks": seen.reference_looks,
        "reference_digest": seen.reference_digest,
    }


def _look(row: Any, scenes: Sequence[str]) -> Look:
    return Look(
        id=row.id,
        aoi=row.aoi,
        track=Track(
            sensor=Sensor(row.sensor),
            relative_orbit=row.relative_orbit,
            direction=Direction(row.direction),
            polarisation=row.polarisation,
        ),
        platform=row.platform,
        start=utc(row.start),
        scenes=tuple(scenes),
        valid_fraction=row.valid_fraction,
        reason=Reason(row.reason) if row.reason else None,
        detail=row.detail,
    )


def _measurement_row(look: Look, m: Measurement) -> dict[str, Any]:
    return {
        "aoi": look.aoi,
        "look": look.id,
        "zone": m.zone,
        "measure": m.measure,
        "value": None if math.isnan(m.value) else m.value,
        "unit": m.unit,
        "n_valid": m.n_valid,
        "valid_fraction": m.valid_fraction,
        "recipe": m.recipe,
        "reason": m.reason,
    }
