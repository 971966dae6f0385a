"""Values as tables for people and as plain values for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor import alert
from monitor.alert import Incident, Interval90, Kind, Mark, Precision, Standing, State
from monitor.aoi import Aoi
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
        "onset_between": list(incident.onset_between) if incident.onset_between else None,
        "level": _interval(incident.level),
        "ratio": _interval(incident.ratio),
        "difference": _interval(incident.difference),
        "ending": incident.ending,
    }


def _interval(found: Interval90 | None) -> dict[str, float | None] | None:
    """An estimate with its 90 % interval as plain values."""
    return None if found is None else {name: finite(value) for name, value in found._asdict().items()}


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


@dataclass(frozen=True, kw_only=True)
class Marked:
    """An incident with what people said of it."""

    incident: Incident
    standing: Standing
    snoozed: bool
    """Now."""


Worth = Mapping[str, Precision]
"""AOI -> how many of its labelled incidents were true; empty string: over all."""


def worth(every: Iterable[Marked]) -> Worth:
    """Of all recorded incidents, retracted ones included."""
    held = list(every)
    standings = {m.incident.id: m.standing for m in held}
    ids = {aoi: [m.incident.id for m in held if m.incident.aoi == aoi] for aoi in {m.incident.aoi for m in held}}
    return {"": alert.precision(standings, standings)} | {a: alert.precision(standings, own) for a, own in ids.items()}


def precision_value(found: Precision) -> dict[str, Any]:
    """A running precision as plain values: shares with their 90 % interval, and the counts."""
    share = _interval(found.share) or dict.fromkeys(Interval90._fields)
    return {"true": found.true, "labelled": found.labelled, **{k: v and round(v, 4) for k, v in share.items()}}


def worth_rows(found: Worth, aois: Iterable[str]) -> list[list[str]]:
    """The running precision of these AOIs and over all, as lines of a table; none while nothing is labelled."""
    rows = []
    for aoi in ["", *sorted(aois)]:
        one = found.get(aoi)
        if one is not None and one.share is not None:
            value, low, high = one.share
            rows.append([aoi or "all", str(one.true), str(one.labelled), f"{value:.0%}", f"{low:.0%} to {high:.0%}"])
    return rows


WORTH_COLUMNS = ("aoi", "true", "labelled", "share true", "90 % interval")


def marked_value(marked: Marked, found: Worth) -> dict[str, Any]:
    """An incident with its marks as plain values."""
    s = marked.standing
    until = s.snooze.until if marked.snoozed and s.snooze else None
    return {
        **incident_value(marked.incident),
        "acknowledged": s.ack is not None,
        "snoozed": marked.snoozed,
        "snoozed_until": until,
        "label": s.label.truth if s.label else None,
        "precision": {"aoi": precision_value(found[marked.incident.aoi]), "all": precision_value(found[""])},
    }


def marked_row(marked: Marked) -> list[str]:
    """An incident with its marks as a line of a table."""
    s = marked.standing
    row = incident_row(marked.incident)
    words = [row[1]]
    if s.label is not None:
        words.append("labelled true" if s.label.truth else "labelled false")
    if s.ack is not None:
        words.append("acknowledged")
    if marked.snoozed and s.snooze is not None:
        words.append(_snoozed(s.snooze))
    row[1] = ", ".join(words)
    return row


def _snoozed(snooze: Mark) -> str:
    return f"snoozed until {snooze.until:%Y-%m-%d}" if snooze.until else "snoozed until the next usable look"


def mark_value(mark: Mark) -> dict[str, Any]:
    """A mark as plain values."""
    return {
        "mark": mark.kind,
        "at": mark.at,
        "by": mark.by,
        "note": mark.note,
        "until": mark.until,
        "until_a_look_after": mark.after,
        "truth": mark.truth,
    }


def mark_row(mark: Mark) -> list[str]:
    """A mark as a line of a table."""
    said = {True: "labelled true", False: "labelled false", None: str(mark.kind)}[mark.truth]
    if mark.until or mark.after:
        said = _snoozed(mark)
    return [f"{mark.at:%Y-%m-%d %H:%M}", said, mark.by, mark.note]


MARK_COLUMNS = ("UTC", "mark", "by", "why")


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
    """True for a change that lasts. One look, or having seen nothing, is none."""
    return incident.state.is_open and incident.kind.lasting


def headline(told: Chronicle) -> str:
    """The answer in one sentence."""
    usable = sum(look.usable for look in told.looks)
    counted = f"{usable} of {len(told.looks)} looks could be used"
    if told.looks:
        counted += f" ({told.looks[0].start:%Y-%m-%d} to {told.looks[-1].start:%Y-%m-%d})"
    lasting = [i for i in told.incidents if is_alert(i)]
    for single in (i for i in told.incidents if i.state.is_open and i.kind in {Kind.SPIKE, Kind.DIP}):
        counted += f"; the newest look at {single.zone.replace('_', ' ')} is a {single.kind}, {single.onset:%Y-%m-%d}"
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
