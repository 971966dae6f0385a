"""Places where nothing is known to have changed: every alert is a false one, but for the rain of 2023-01-01."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import places
from monitor import workspace
from monitor.alert import Kind
from monitor.aoi import Aoi, Zone, ZoneKind
from monitor.flow.desk import opened
from monitor.times import Interval, utc

SITES = {"suburb": ("T137-292319-IW2", ZoneKind.DEPOT), "sea": ("T137-292318-IW2", ZoneKind.ANCHORAGE)}
EVER = Interval(start=utc("2014-01-01"), end=utc("2100-01-01"))


def run(folder: Path, _pictures: Path | None) -> dict[str, Any]:
    """Figures by site: looks, alerts (each with its first look)."""
    aois = [_aoi(folder, name, burst, kind) for name, (burst, kind) in SITES.items()]
    out: dict[str, Any] = {}
    with places.workspace(folder, *aois) as root, opened(workspace.find(root, {}), {}) as desk:
        for aoi in aois:
            desk.poll(desk.aois[aoi.id], EVER, as_of=utc("2025-01-15"), announce=False)
            told = desk.chronicle(desk.aois[aoi.id])
            raised = [i for i in told.incidents if i.kind is not Kind.BLIND]
            out[aoi.id] = {
                "looks": len(told.looks),
                "alerts": len(raised),
                "which": ", ".join(f"{i.id} ({i.state})" for i in raised),
            }
    return out


def _aoi(folder: Path, name: str, burst: str, kind: ZoneKind) -> Aoi:
    import shapely

    item = next(i for i in places.items(folder) if i["properties"]["opera:burst_id"] == burst)
    outline = shapely.geometry.shape(item["geometry"]).buffer(-0.0008)
    return Aoi(
        id=name, name=name, outline=outline, zones=(Zone(name="all", kind=kind, outline=outline),), resolution_m=30
    )
