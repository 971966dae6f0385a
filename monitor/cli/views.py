"""Values as tables for people and as plain values for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.alert import Incident, Kind, State
from monitor.aoi import Aoi
from monitor.claim import Claim
from monitor.flow.desk import Outcome
from monitor.flow.story import Chronicle, finite
from monitor.look import Look
from monitor.measures import MEASURES
from monitor.message import number
from monitor.times import Interval


def console() -> Console:
    """Where tables go. Without a terminal it is wide enough not to cut what a script may read."""
    out = Console()
    return out if out.is_terminal else Console(width=160)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table, or says that there is nothing."""
    out = console()
    if not rows:
        out.print(f"{title}: none", markup=False, highlight=False)
        return
    gaps = 2 * (len(columns) - 1)
    drawn = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    drawn.padding = (0, 1, 0, 0)
    for column, width in zip(columns, widths(columns, rows, out.width - gaps), strict=True):
        drawn.add_column(Text(column), width=width, overflow="fold")
    for row in rows:
        drawn.add_row(*map(Text, row))
    out.print(drawn)
    out.print()


def widths(columns: Sequence[str], rows: Sequence[Sequence[str]], available: int) -> list[int]:
    """How wide each column is to be, in characters: lines break between words, and inside one only if they must."""
    cells = [list(column) for column in zip(columns, *rows, strict=True)]
    wished = [max(len(line) for cell in column for line in cell.split("\n")) for column in cells]
    found = [max((len(word) for cell in column for word in cell.split()), default=1) for column in cells]
    while sum(found) > available and max(found) > 1:
        found[found.index(max(found))] -= 1
    spare = max(0, available - sum(found))
    hungry = sorted(range(len(found)), key=lambda n: wished[n] - found[n])
    for left, n in enumerate(
        hungry
    ):  # an even share to each, so that short columns need one line and texts get the rest
        given = max(0, min(wished[n] - found[n], spare // (len(hungry) - left)))
        found[n] += given
        spare -= given
    return found


def last_day(interval: Interval) -> date:
    """The last day of an interval whose open end is the midnight after it."""
    return (interval.end - timedelta(microseconds=1)).date()


def days(interval: Interval) -> str:
    """An interval by its first and last day."""
    return f"{interval.start:%Y-%m-%d} to {last_day(interval):%Y-%m-%d}"


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
    numbers = "no usable look" if blind else f"{number(incident.mean)}, usually {number(incident.usual)}"
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


def look_row(look: Look, reference_looks: int) -> list[str]:
    """A look as a line of a table."""
    return [
        f"{look.start:%Y-%m-%d %H:%M}",
        look.track.id,
        look.platform,
        f"{look.valid_fraction:.0%}",
        "yes" if look.usable else f"no: {look.reason}",
        str(reference_looks),
    ]


LOOK_COLUMNS = ("UTC", "track", "platform", "seen", "usable", "earlier looks")


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
        "about": {"from": claim.about.start.date(), "to": last_day(claim.about)},
        "aois": list(claim.aois),
        "reliability": claim.reliability,
        "credibility": int(claim.credibility),
        "observability": claim.observability,
        "expectations": [
            {
                "id": e.id,
                "measure": e.measure,
                "zone": e.zone,
                "direction": e.direction,
                "window": {"from": e.window.start.date(), "to": last_day(e.window)},
            }
            for e in claim.expectations
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
                "usual": last.expected.centre if last.expected else None,
                "baseline_looks": last.expected.n if last.expected else 0,
                "p": round(last.p, 6),
                "recipe": MEASURES[name].recipe,
            }
        )
    return rows


def check_value(told: Chronicle, outcome: Outcome, problems: Sequence[str]) -> dict[str, Any]:
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
        "problems": list(problems),
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
    blind = next((i for i in told.incidents if i.state is State.BLIND), None)
    if blind is not None:
        counted += f"; no usable look for what is watched since {blind.onset:%Y-%m-%d}"
    if lasting:
        found = "; ".join(f"{i.zone.replace('_', ' ')}: {i.kind} since {i.onset:%Y-%m-%d} ({i.state})" for i in lasting)
        return f"{told.aoi.name}: {found}. {counted}."
    if not told.compared:
        return f"{told.aoi.name}: no statement, too few looks of what is watched to know what is usual. {counted}."
    return f"{told.aoi.name}: no lasting change found. {counted}. This is not 'no activity'."


def newest_rows(told: Chronicle) -> list[list[str]]:
    """`newest` as lines of a table."""
    out = []
    for row in newest(told):
        usual = "-" if row["usual"] is None else f"{number(row['usual'])} ({row['baseline_looks']})"
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


NEWEST_COLUMNS = ("zone", "measure", "newest", "look (UTC)", "track", "usual (looks)", "p")
