"""`quaywatch compare`: what changed on the ground between two looks of one track, and what that does not show."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import typer

from monitor.aoi import Aoi, Surface
from monitor.cli import views
from monitor.cli.state import progress, say
from monitor.errors import NothingUsable, WorkspaceError
from monitor.flow import compare
from monitor.flow.compare import Comparison, Level, ZoneChange
from monitor.flow.desk import Desk
from monitor.flow.pair import chosen
from monitor.flow.story import Chronicle, Eyes
from monitor.look import Look
from monitor.message import counted, number
from monitor.scene import Sensor
from monitor.site import site

COLUMNS = ("zone", "compared", "changed (of what was compared)", "brighter", "darker", "not seen in one of them")

CAUSE = (
    "Whether it lasts, and why: one pair cannot tell a lasting change from weather, season, tide, a passing vehicle or "
    "what stood there for a day. Further looks can."
)
CHANCE = (
    "Whether a small change is one: the thresholds are learnt on the pair itself, so two looks between which nothing "
    "happened may show some, and what is fainter than the threshold is not shown."
)
UNSEEN = "What was not seen in one of the two looks: there nothing is known, which is not 'no change'."
BETWEEN = "What came and went between the two looks, and single vehicles, wagons or people: a pixel covers 10 m."
CANNOT: Final = (CAUSE, CHANCE, UNSEEN, BETWEEN)
"""What two looks do not show."""

WATER = (
    "On water brighter and darker are wind, ships and ice, not ground: sheltered and open water do not rise and fall "
    "together."
)
NO_WATER = "No water is drawn in this AOI: on water, if there is any, the wind looks like change."
VISIBLE = (
    "Brighter and darker are of the mean of blue, green and red; what changed in the infrared alone (plants) may fall "
    "to either side."
)
NO_CLOUDS = "A look came without a classification of clouds: cloud and its shadow count as ground, and as changed."
NO_ORBIT = "The catalogue does not state the orbit: the looks may be from different sides, which looks like change."
NOT_LAID = "How exactly the two looks lie on each other could not be measured: too little there keeps its place."


def show(
    desk: Desk,
    place: Aoi,
    before: str,
    after: str,
    *,
    track: str | None,
    picture: Path | None,
    as_json: bool,
    now: datetime,
) -> None:
    """Compares, draws if asked to, and prints.

    Raises:
        UsageError: the two looks are not of one track, or not to be found.
        NothingUsable: no look is recorded, or no ground was seen in both.
        WorkspaceError: the picture cannot be written.
    """
    told = desk.chronicle(place)
    if not told.looks:
        raise NothingUsable(
            f"{place.name}: no look is recorded", "Next: `quaywatch check` with this AOI, from before the first day."
        )
    pair = chosen(told.looks, before, after, track)
    eyes = Eyes(store=desk.store, imagery=desk.imagery, site=site(place), as_of=now)
    with progress(f"Comparing {place.id}", quiet=as_json) as bar:
        made = compare.compare(eyes, pair, bar)
    if picture is not None:
        _write(picture, compare.picture(made, told))
    if as_json:
        say(value(made, told, before, after, picture))
    else:
        _print(made, told, before, after, picture)


def _write(target: Path, png: bytes) -> None:
    try:
        target.write_bytes(png)
    except OSError as error:
        raise WorkspaceError(
            f"{target}: cannot be written ({error.strerror})", "Choose another --picture FILE."
        ) from error


def _print(made: Comparison, told: Chronicle, before: str, after: str, picture: Path | None) -> None:
    if told.simulated:
        typer.echo("SIMULATED")
    pair = made.pair
    typer.echo(f"{told.aoi.name}: two looks of {pair.track}, {counted(pair.days, 'day')} apart")
    for word, look, asked, off in (
        ("Before", pair.before, before, pair.off[0]),
        ("After", pair.after, after, pair.off[1]),
    ):
        typer.echo(f"{word + ':':8}{look.start:%Y-%m-%d %H:%M} UTC, {look.id}{_taken_for(asked, off)}")
    typer.echo()
    views.table("Changed between the two looks", COLUMNS, [_row(z) for z in made.zones()])
    for sentence in notes(made):
        typer.echo(sentence)
    typer.echo("\nTwo looks do not show:")
    for sentence in CANNOT:
        typer.echo(f"- {sentence}")
    if picture is not None:
        typer.echo(f"\nPicture: {picture}")
    typer.echo(f"\n{compare.credit(made, told)}")


def _taken_for(asked: str, off: int | None) -> str:
    """That a look was taken for a day on which there was none."""
    if not off:
        return ""
    return f", the usable look nearest to {asked}, {counted(abs(off), 'day')} {'after' if off > 0 else 'before'} it"


def _row(zone: ZoneChange) -> list[str]:
    cells = [_area(m2, zone.compared_m2) for m2 in (zone.changed_m2, zone.brighter_m2, zone.darker_m2)]
    return [
        zone.zone.name.replace("_", " "),
        number(zone.compared_m2, "m2"),
        *cells,
        f"{zone.not_compared:.0%}",
    ]


def _area(m2: float, of: float) -> str:
    if not of:
        return "not known"
    share = "<0.1%" if 0 < m2 < 0.001 * of else f"{m2 / of:.1%}"
    return f"{number(m2, 'm2')} ({share})"


def notes(made: Comparison) -> list[str]:
    """What is to be known of this very pair."""
    pair = made.pair
    satellites = {look.platform for look in (pair.before, pair.after)} - {""}
    surfaces = {v.surface for v in made.levels} if made.sensor is Sensor.SENTINEL1 else set()
    doubts = (
        (len(satellites) > 1, f"The looks are of different satellites: {' and '.join(sorted(satellites))}."),
        (not made.clouds_known, NO_CLOUDS),
        (pair.track.relative_orbit is None, NO_ORBIT),
        (Surface.WATER in surfaces, WATER),
        (Surface.ANY in surfaces, NO_WATER),
        (made.sensor is Sensor.SENTINEL2, VISIBLE),
    )
    return [*(_level(v, made.sensor) for v in made.levels), _laid(made), *(text for holds, text in doubts if holds)]


def _level(level: Level, sensor: Sensor) -> str:
    where = {Surface.WATER: "Water", Surface.LAND: "Land"}.get(level.surface, "The ground")
    if sensor is Sensor.SENTINEL1:
        size, threshold = f"{level.offset:+.1f} dB", f"{level.threshold:.1f} dB (smoothed)"
    else:
        size, threshold = f"{level.offset:+.3f} in reflectance", f"{level.threshold:.1f} times what is usual for it"
    return (
        f"{where} differed by {size} on the whole (weather, season, calibration), which was taken off; a difference "
        f"of more than {threshold} counts as changed."
    )


def _laid(made: Comparison) -> str:
    if made.beside is None:
        return NOT_LAID
    off = f"{made.beside.length:.1f} pixels (standard error {made.beside.error:.1f})"
    if made.beside.worth_moving:
        return f"The later look lay {off} beside the earlier one, and was moved onto it."
    return f"The two looks lie on each other to within {off}."


def value(made: Comparison, told: Chronicle, before: str, after: str, picture: Path | None) -> dict[str, Any]:
    """The answer as plain values."""
    pair, beside = made.pair, made.beside
    radar = made.sensor is Sensor.SENTINEL1
    return {
        "aoi": views.aoi_value(told.aoi),
        "simulated": told.simulated,
        "track": pair.track.id,
        "sensor": made.sensor,
        "before": _look(pair.before, before, pair.off[0]),
        "after": _look(pair.after, after, pair.off[1]),
        "days_between": pair.days,
        "recipe": compare.RECIPES[made.sensor],
        "zones": [_zone(z) for z in made.zones()],
        "levels": [
            {
                "surface": v.surface,
                "offset": round(v.offset, 4),
                "offset_unit": "dB" if radar else "1",
                "threshold": round(v.threshold, 4),
                "threshold_unit": "dB" if radar else "times usual",
            }
            for v in made.levels
        ],
        "shift": None
        if beside is None
        else {
            "rows": round(beside.rows, 3),
            "columns": round(beside.columns, 3),
            "error": round(beside.error, 3),
            "unit": "pixels",
            "corrected": beside.worth_moving,
        },
        "notes": notes(made),
        "not_shown": list(CANNOT),
        "picture": None if picture is None else str(picture),
        "attribution": compare.credit(made, told),
    }


def _look(look: Look, asked: str, off: int | None) -> dict[str, Any]:
    return {
        "look": look.id,
        "start": look.start,
        "platform": look.platform,
        "scenes": list(look.scenes),
        "asked": asked,
        "days_off": off,
    }


def _zone(zone: ZoneChange) -> dict[str, Any]:
    def known(number: float) -> float | None:
        return number if zone.known else None

    return {
        "zone": zone.zone.name,
        "kind": zone.zone.kind,
        "uncertainty_m": zone.zone.uncertainty_m,
        "area_m2": zone.area_m2,
        "compared_m2": zone.compared_m2,
        "changed_m2": known(zone.changed_m2),
        "brighter_m2": known(zone.brighter_m2),
        "darker_m2": known(zone.darker_m2),
        "changed_share": round(zone.changed_m2 / zone.compared_m2, 4) if zone.known else None,
        "not_compared_share": round(zone.not_compared, 4),
        "seen_before_share": round(zone.seen[0], 4),
        "seen_after_share": round(zone.seen[1], 4),
    }
