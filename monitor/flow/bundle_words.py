"""What a bundle of evidence says of itself, for people who find it without the tool."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor import __version__
from monitor.alert import Change, Incident, Kind
from monitor.flow.replay import AOI, FOUND, INCIDENT, LOOKS, MEASURED, MISSING, PARAMETERS, RECORDED, SERIES, TABLE
from monitor.flow.story import Chronicle
from monitor.measures import MEASURES
from monitor.message import clean, counted, day, not_shown, number

README = "README.txt"

ABOUT = {
    AOI: "The area and its zones as they are drawn (GeoJSON, WGS84).",
    PARAMETERS: "Everything beside looks and pixels that decides a number: budget, recipes, grid, versions.",
    INCIDENT: "The incident as it was told at this step.",
    LOOKS: "Every look at the area, the unusable ones with their reason, and SHA-256 of the archived pixels of each.",
    SERIES: "Every usable number of the zone and measure, exactly as it was judged.",
    TABLE: "The same for a table program, with what was expected of each look.",
    FOUND: "Computed from the series: rule, score of each look, every incident of it.",
    MEASURED: "Computed from the pixels and the state of the track: all measures of the two looks.",
    RECORDED: "What the database says of the same two looks, for comparison; nothing is computed from it.",
    MISSING: "What should be here and could not be had, with the reason.",
    "pictures/": "Before, after, their difference, and the series. For the eye: no number is taken from them.",
    "pixels/": "The two looks as they were archived: GeoTIFF, and a record of where the pixels are from.",
    "state/": "What the track had shown so far: what the two looks are compared with.",
    "items/": "What the catalogue said of the looks of the incident, as received, without signatures and passwords.",
}
"""By file, or by the folder of files."""

CHECKING = [
    "To check it:",
    "- quaywatch verify FOLDER compares every file with the hash it was written with, and names what differs.",
    "  Who changes a file can write a manifest that fits: that its SHA-256 stands in the log of the workspace,",
    "  alerts/log/, shows that it is the one that was made then.",
    "- quaywatch replay FOLDER computes the numbers again from these files alone, without a network.",
]


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a bundle holds."""

    made_at: datetime
    names: Collection[str]
    """Of its files."""

    moved_on: Sequence[str]
    """Fields of the incident that later looks have changed since the step was recorded."""

    missing: Mapping[str, str]
    """What could not be had -> why."""


def readme(change: Change, told: Chronicle, held: Contents) -> str:
    """The text in a bundle that says what it is, what it does not show, and how it is checked."""
    title = [f"EVIDENCE of {clean(change.id)}"]
    if told.simulated:
        title.append("SIMULATED: no satellite took these pictures.")
    sections = [
        title,
        _what(change, told, held.made_at),
        ["What it does not show:", *(f"- {line}" for line in _limits(change.incident))],
        ["Files:", *(f"- {name}: {ABOUT[name]}" for name in ABOUT if any(f.startswith(name) for f in held.names))],
        _cautions(change.incident, held),
        CHECKING,
        [f"Attribution: {told.attribution}."],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _what(change: Change, told: Chronicle, made_at: datetime) -> list[str]:
    i, entry = change.incident, MEASURES.get(change.incident.measure)
    lines = [
        f"Area: {clean(told.aoi.name)} ({i.aoi})",
        f"Step: {change.old or 'new'} -> {change.new}, {change.at:%Y-%m-%d %H:%M} UTC: {clean(change.reason)}",
        f"Made: {made_at:%Y-%m-%d %H:%M} UTC with quaywatch {__version__}",
    ]
    if entry is None:
        return [*lines, f"Nothing usable was seen since {day(i.onset)}; noticed on {day(i.raised)}."]
    numbers = f"{number(i.mean, entry.unit)} per usable look, {number(i.usual, entry.unit)} is usual"
    return [
        *lines,
        f"Zone and measure: {clean(i.zone)}, {entry.label} ({entry.recipe})",
        f"{i.kind.capitalize()} since {day(i.onset)}, {counted(len(i.looks), 'usable look')}: {numbers}.",
    ]


def _limits(incident: Incident) -> list[str]:
    if incident.kind is Kind.BLIND:
        return ["Whether anything happened: nothing could be seen, so nothing is known about this time."]
    return not_shown(incident.measure)


def _cautions(incident: Incident, held: Contents) -> list[str]:
    if incident.kind is Kind.BLIND:
        return []
    lines = [
        "To know:",
        "- Each look is compared with what its track had shown when it was measured. The state kept here is that of",
        "  the day this folder was made, and may rest on more looks: measured.json and recorded.json may then differ.",
        "- The two looks are those nearest the averages they stand for; the pixels of the others are in the archive of",
        "  the workspace, with the SHA-256 that looks.json names.",
    ]
    if held.moved_on:
        lines.append("- Later looks, or newer code, have changed these numbers since the step was recorded:")
        lines.append(f"  {', '.join(held.moved_on)}.")
    return [*lines, *(f"- Missing: {clean(what)}: {clean(why)}." for what, why in held.missing.items())]
