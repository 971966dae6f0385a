"""Real counts across the first lockdown of 2020: what is found in each series, beside the day its country closed.

A folder laid out like boat-counts: counts/PLACE.json with `place`, `lat`, `lon` and `counts` (date: number).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from monitor import history
from monitor.alert import Incident, Interval90, State
from monitor.baseline import Family
from monitor.flow.derive import rule_for
from monitor.history import Followed, Point, Series

BUDGET = 1.0
SENTINEL_2_PASSES = time(10, 30, tzinfo=UTC)
COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Lockdown:
    """First day on which a country told its people to stay at home, in 2020."""

    country: str
    day: date
    note: str = ""


LOCKDOWNS: Mapping[str, Lockdown] = {
    "antwerp": Lockdown("Belgium", date(2020, 3, 18)),
    "athen-pireaus": Lockdown("Greece", date(2020, 3, 23)),
    "bosporus": Lockdown("Turkey", date(2020, 4, 10), "weekend curfews; longer ones from 21 April"),
    "budapest": Lockdown("Hungary", date(2020, 3, 28)),
    "corfu": Lockdown("Greece", date(2020, 3, 23)),
    "dardanelles": Lockdown("Turkey", date(2020, 4, 10), "weekend curfews; longer ones from 21 April"),
    "dover": Lockdown("United Kingdom", date(2020, 3, 23)),
    "dublin": Lockdown("Ireland", date(2020, 3, 27)),
    "gibraltar": Lockdown("Gibraltar", date(2020, 3, 24), "Spain: 14 March"),
    "grand-harbour": Lockdown("Malta", date(2020, 3, 30), "partial"),
    "kiel-canal": Lockdown("Germany", date(2020, 3, 22)),
    "limassol": Lockdown("Cyprus", date(2020, 3, 24)),
    "messina": Lockdown("Italy", date(2020, 3, 9)),
    "oresund": Lockdown("Denmark", date(2020, 3, 13)),
    "rotterdam": Lockdown("Netherlands", date(2020, 3, 23), "partial"),
    "sines": Lockdown("Portugal", date(2020, 3, 19)),
    "split": Lockdown("Croatia", date(2020, 3, 19)),
    "st-tropez": Lockdown("France", date(2020, 3, 17)),
    "tallin-helsinki": Lockdown("Finland and Estonia", date(2020, 3, 16)),
    "venice": Lockdown("Italy", date(2020, 3, 9)),
    "vigo": Lockdown("Spain", date(2020, 3, 14)),
}
"""By the name of the file; as governments announced them."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One series and what is found in it."""

    name: str
    points: Sequence[Point]
    followed: Followed
    lockdown: Lockdown | None


def read(path: Path) -> list[Point]:
    """One point a date; the model's numbers are rounded to whole boats, as counts are."""
    counts = json.loads(path.read_text(encoding="utf-8"))["counts"]
    return [
        Point(
            look=day,
            track="S2",
            at=datetime.combine(date.fromisoformat(day), SENTINEL_2_PASSES),
            value=float(round(number)),
        )
        for day, number in sorted(counts.items())
    ]


def place(path: Path) -> Place:
    """A series, followed as the one watched series of an AOI."""
    points = read(path)
    rule = rule_for(points, Family.COUNT, 1, BUDGET)
    series = Series(aoi=path.stem, zone="square", measure="vessel_count", family=Family.COUNT, rule=rule)
    return Place(
        name=path.stem,
        points=points,
        followed=history.follow(points, series),
        lockdown=LOCKDOWNS.get(path.stem),
    )


def run(folder: Path, pictures: Path | None) -> dict[str, Any]:
    """Figures: for each place what was found.

    Raises:
        SystemExit: the folder holds no counts.
    """
    paths = sorted((folder / "counts").glob("*.json"))
    if not paths:
        raise SystemExit(f"{folder}: no counts/*.json in it")
    places = [place(path) for path in paths]
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        draw(places, pictures / "boat-counts.png")
    return {"budget": BUDGET, "places": [told(p) for p in places]}


def told(of: Place) -> dict[str, Any]:
    """One place as figures."""
    lockdown = of.lockdown
    return {
        "place": of.name,
        "looks": len(of.points),
        "country": lockdown.country if lockdown else None,
        "lockdown": lockdown.day.isoformat() if lockdown else None,
        "note": lockdown.note if lockdown else "",
        "found": [_incident(i, lockdown) for i in of.followed.incidents],
    }


def _incident(found: Incident, lockdown: Lockdown | None) -> dict[str, Any]:
    between = found.onset_between
    return {
        "kind": found.kind.value,
        "state": found.state.value,
        "onset": found.onset.date().isoformat(),
        "onset_between": [d.date().isoformat() for d in between] if between else None,
        "lockdown_between": bool(lockdown and between and between[0].date() <= lockdown.day <= between[1].date()),
        "raised": found.raised.date().isoformat(),
        "until": found.until.date().isoformat() if found.until else None,
        "ending": found.ending.value if found.ending else None,
        "mean": round(found.mean, 2),
        "usual": round(found.usual, 2),
        "ratio": _interval(found.ratio),
    }


def _interval(interval: Interval90 | None) -> list[float] | None:
    """[value, low, high]."""
    return [round(x, 2) for x in interval] if interval else None


def draw(places: Sequence[Place], target: Path) -> None:
    """All series, small: what is usual as a band, what was found shaded, the lockdown as a line."""
    rows = -(-len(places) // COLUMNS)
    figure = Figure(figsize=(4.2 * COLUMNS, 2.2 * rows), dpi=90, layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis, of in zip(axes, places, strict=False):
        _draw_one(axis, of)
    for axis in axes[len(places) :]:
        axis.axis("off")
    figure.savefig(target)


def _draw_one(axis: Axes, of: Place) -> None:
    scored = [s for s in of.followed.scores if s.expected is not None]
    at = [_x(s.at) for s in scored]
    axis.fill_between(
        at,
        [s.expected.low for s in scored if s.expected],
        [s.expected.high for s in scored if s.expected],
        color="0.9",
        linewidth=0,
    )
    axis.plot([_x(p.at) for p in of.points], [p.value for p in of.points], "k.-", linewidth=0.6, markersize=3)
    for found in of.followed.incidents:
        colour = "tab:red" if found.kind.sign > 0 else "tab:blue"
        strong = 0.08 if found.state is State.RETRACTED else 0.25
        if found.kind.lasting:
            axis.axvspan(_x(found.onset), _x(found.until or of.points[-1].at), color=colour, alpha=strong, linewidth=0)
            axis.axvline(_x(found.raised), color=colour, linewidth=0.8, linestyle=":")
        else:
            axis.plot([_x(found.onset)], [found.mean], "o", color=colour, markersize=6, fillstyle="none")
    if of.lockdown is not None:
        axis.axvline(_x(datetime.combine(of.lockdown.day, time(tzinfo=UTC))), color="tab:green", linewidth=1)
    ticks = [datetime(year, month, 1, tzinfo=UTC) for year in (2019, 2020) for month in (1, 7)]
    axis.set_xticks([_x(t) for t in ticks], [f"{t:%Y-%m}" for t in ticks])
    axis.set_title(of.name, fontsize=9)
    axis.set_ylim(0, 1.08 * max(p.value for p in of.points) + 1)
    axis.tick_params(labelsize=6)


def _x(moment: datetime) -> float:
    """As matplotlib counts dates: days since 1970."""
    return moment.timestamp() / 86_400.0
