"""Values as tables for people and as plain values for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from monitor.alert import Incident, Kind, State
from monitor.aoi import Aoi
from monitor.claim import Claim
from monitor.flow.desk import Outcome
from monitor.flow.story import Chronicle, finite
from monitor.look import Look
from monitor.measures import MEASURES
from monitor.message import number


def console() -> Console:
    """Where tables go. Without a terminal it is wide enough not to cut what a script may read."""
    out = Console()
    return out if out.is_terminal else Console(width=160)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table, or says that there is nothing."""
    if not rows:
        console().print(f"{title}: none", markup=False)
        return
    drawn = Table(title=title, title_justify="left")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(str(cell).replace("[", "\\[") for cell in row))
    console().print(drawn)


def incident_value(incident: Incident) -> dict[str, Any]:
    """An incident as plain values."""
    return {
        "id": incident.id,
        "aoi": incident.aoi,
        "zone": incident.zone,
        "measure": incident.measure,
        "kind": incident.kind,
        "state": incident.state,
        "onset": incident.onset,
        "raised": incident.raised,
        "until": incident.until,
        "mean_per_usable_look": finite(incident.mean),
        "usual_per_usable_look": finite(incident.usual),
        "baseline_looks": incident.baseline_looks,
        "looks": list(incident.looks),
        "tracks": list(incident.tracks),
    }


def incident_row(incident: Incident) -> list[str]:
    """An incident as a line of a table."""
    blind = incident.kind is Kind.BLIND
    numbers = "no usable look" if blind else f"{number(incident.mean)} against {number(incident.usual)} usual"
    return [
        incident.id,
        incident.state,
        f"{incident.onset:%Y-%m-%d}",
        f"{incident.until:%Y-%m-%d}" if incident.until else "lasting",
        numbers,
        str(len(incident.looks)),
    ]


INCIDENT_COLUMNS = ("incident", "state", "since", "until", "per usable look", "looks")


def look_value(look: Look, reference_looks: int) -> dict[str, Any]:
    """A look as plain values."""
    return {
        "id": look.id,
        "aoi": look.aoi,
        "start": look.start,
        "sensor": look.track.sensor,
        "relative_orbit": look.track.relative_orbit,
        "direction": look.track.direction,
        "platform": look.platform,
        "usable": look.usable,
        "reason": look.reason,
        "detail": look.detail,
        "valid_fraction": round(look.valid_fraction, 4),
        "reference_looks": reference_looks,
        "scenes": list(look.scenes),
    }


def aoi_value(aoi: Aoi) -> dict[str, Any]:
    """An AOI as plain values."""
    return {
        "id": aoi.id,
        "name": aoi.name,
        "area_km2": round(aoi.area_km2(), 2),
        "uncertainty_m": aoi.uncertainty_m,
        "zones": [{"id": f"{aoi.id}.{z.name}", "kind": z.kind, "uncertainty_m": z.uncertainty_m} for z in aoi.zones],
        **{k: aoi.properties[k] for k in ("country", "kind", "role", "confidence") if k in aoi.properties},
    }


def claim_value(claim: Claim) -> dict[str, Any]:
    """A claim as plain values."""
    return {
        "id": claim.id,
        "text": claim.text,
        "said_by": claim.said_by,
        "said_on": claim.said_on,
        "about": {"from": claim.about.start.date(), "to": claim.about.end.date()},
        "aois": list(claim.aois),
        "reliability": claim.reliability,
        "credibility": int(claim.credibility),
        "observability": claim.observability,
        "expectations": [
            {"id": e.id, "measure": e.measure, "zone": e.zone, "direction": e.direction} for e in claim.expectations
        ],
    }


def newest(told: Chronicle) -> list[dict[str, Any]]:
    """For each zone and measure the newest usable number, against what is usual on its track."""
    rows = []
    for (zone, name), followed in sorted(told.followed.items()):
        last = followed.scores[-1]
        rows.append(
            {
                "zone": zone,
                "measure": name,
                "unit": MEASURES[name].unit,
                "value": last.value,
                "at": last.at,
                "look": last.look,
                "track": last.track,
                "usual": last.baseline.centre if last.baseline else None,
                "baseline_looks": last.baseline.n if last.baseline else 0,
                "p": round(last.p, 6),
                "recipe": MEASURES[name].recipe,
            }
        )
    return rows


def check_value(told: Chronicle, outcome: Outcome) -> dict[str, Any]:
    """The answer of `check` as plain values."""
    reasons = Counter(str(look.reason) for look in told.looks if look.reason)
    return {
        "aoi": aoi_value(told.aoi),
        "simulated": told.simulated,
        "looks": len(told.looks),
        "usable_looks": sum(look.usable for look in told.looks),
        "unusable": dict(reasons),
        "new_looks": outcome.summary.new_looks,
        "newest": newest(told),
        "incidents": [incident_value(i) for i in told.incidents if i.state is not State.RETRACTED],
        "alert": any(is_alert(i) for i in told.incidents),
        "attribution": told.attribution,
        "problems": list(outcome.summary.problems),
    }


def is_alert(incident: Incident) -> bool:
    """True for a change that lasts. Having seen nothing is no alert."""
    return incident.state.is_open and incident.kind is not Kind.BLIND


def headline(told: Chronicle) -> str:
    """The answer in one sentence."""
    usable = sum(look.usable for look in told.looks)
    counted = f"{usable} of {len(told.looks)} looks could be used"
    if told.looks:
        counted += f" ({told.looks[0].start:%Y-%m-%d} to {told.looks[-1].start:%Y-%m-%d})"
    lasting = [i for i in told.incidents if is_alert(i)]
    if lasting:
        found = "; ".join(f"{i.zone.replace('_', ' ')}: {i.kind} since {i.onset:%Y-%m-%d} ({i.state})" for i in lasting)
        return f"{told.aoi.name}: {found}. {counted}."
    if not any(s.baseline for f in told.followed.values() for s in f.scores):
        return f"{told.aoi.name}: no statement, there are too few looks to know what is usual. {counted}."
    return f"{told.aoi.name}: no lasting change found. {counted}. This is not 'no activity'."


def newest_rows(told: Chronicle) -> list[list[str]]:
    """`newest` as lines of a table."""
    out = []
    for row in newest(told):
        usual = "-" if row["usual"] is None else f"{number(row['usual'])} ({row['baseline_looks']} looks)"
        out.append(
            [
                row["zone"].replace("_", " "),
                MEASURES[row["measure"]].label,
                f"{number(row['value'])} {row['unit'] if row['unit'] != '1' else ''}".strip(),
                f"{row['at']:%Y-%m-%d %H:%M}",
                row["track"],
                usual,
                f"{row['p']:.3g}" if row["baseline_looks"] else "-",
            ]
        )
    return out


NEWEST_COLUMNS = ("zone", "measure", "newest", "look (UTC)", "track", "usual", "p")
