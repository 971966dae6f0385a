"""Recomputes the numbers of a bundle of evidence from what it holds: no workspace, no database, no network.

What a bundle of an alert records as computed was computed by `recomputed`, from the very files that lie beside it. So a
replay is that function once more, and any bit that comes out otherwise is named.
"""

from __future__ import annotations

import io
import json
import platform
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyproj
import scipy
import shapely

from monitor import __version__, alert, evidence, measures
from monitor.alert import Incident, Kind, Rule
from monitor.aoi import Aoi, from_features
from monitor.archive.pixels import unpack as unpack_pixels
from monitor.archive.record import unseal
from monitor.coding import Coding
from monitor.errors import QuaywatchError, WorkspaceError
from monitor.evidence import Bundle, BundleKind, Difference
from monitor.flow import derive, track
from monitor.flow.compared import Compared, Replay
from monitor.flow.replay_assessment import replay_assessment
from monitor.grid import Grid
from monitor.history import Followed, Point
from monitor.measures import MEASURES, Measured, View
from monitor.message import clean
from monitor.scene import Direction, Sensor, Track
from monitor.site import site
from monitor.stack import Stack
from monitor.store.packing import incident_from
from monitor.store.packing import unpack as unpack_state
from monitor.times import utc
from monitor.track_state import TrackState

PARAMETERS: Final = "parameters.json"
AOI: Final = "aoi.geojson"
INCIDENT: Final = "incident.json"
SERIES: Final = "series.json"
LOOKS: Final = "looks.json"
FOUND: Final = "found.json"
MEASURED: Final = "measured.json"
RECORDED: Final = "recorded.json"
TABLE: Final = "series.csv"
MISSING: Final = "missing.json"

LARGEST_STATE: Final = 500
"""Bytes a pixel of the unpacked state of a track, and as many kB: an optical one with land everywhere has some 150."""

NOT_UNDERSTOOD: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What comes of files that are sealed, and yet no bundle of ours: anybody can seal anything."""

OF_ITS_LIFE: Final = frozenset({"id", "state", "ending", "until"})
"""Fields of an incident that depend on what was told before and on what people said, not on the series alone."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """How a bundle compares with what its files give now."""

    id: str
    kind: BundleKind
    compared: int
    """Numbers and words that were computed again."""

    differences: Sequence[Difference]
    remarks: Sequence[str]
    """In words: other versions than those it was made with, and what the bundle does not hold."""

    @property
    def identical(self) -> bool:
        """True if something was compared, and nothing differs by a bit."""
        return self.compared > 0 and not self.differences

    @property
    def only_rounding(self) -> bool:
        """True if it is not identical, and all that differs are last digits: another processor or library."""
        return bool(self.differences) and all(d.rounding for d in self.differences)


def replay(folder: Path) -> Replayed:
    """Verifies the bundle, then computes its numbers again.

    Raises:
        WorkspaceError: there is no bundle, it is not as it was written, or its files cannot be understood.
    """
    bundle = evidence.read(folder)
    try:
        versions = versions_differ(bundle)
        found = REPLAYS[bundle.kind](bundle)
    except QuaywatchError as error:
        raise WorkspaceError(f"{folder}: cannot be replayed: {error.message}", error.hint) from error
    except NOT_UNDERSTOOD as error:
        raise WorkspaceError(
            f"{folder}: cannot be replayed: its files are not those of a bundle of this version ({error!r})",
            f"It was made with version {bundle.version}, this is {__version__}.",
        ) from error
    return Replayed(
        id=bundle.id,
        kind=bundle.kind,
        compared=found.compared,
        differences=tuple(found.differences),
        remarks=tuple(map(clean, (*versions, *found.remarks))),
    )


def software() -> dict[str, str]:
    """Versions of all that decides the last bit of a number."""
    return {
        "quaywatch": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "shapely": shapely.__version__,
        "pyproj": pyproj.__version__,
        "processor": f"{platform.machine()} {' '.join(_instructions())}",
    }


def _instructions() -> list[str]:
    """Those beyond the common ones that numpy uses: the last bit of a logarithm or a sum depends on them."""
    config: Any = np.show_config(mode="dicts")
    return sorted(config.get("SIMD Extensions", {}).get("found", []))


def versions_differ(bundle: Bundle) -> list[str]:
    """In words: the recipes and versions with which the bundle was made and that are others here.

    Of a bundle without parameters only its own version.
    """
    told = []
    if bundle.version != __version__:
        told.append(f"It was made with quaywatch {bundle.version}; this is {__version__}.")
    parameters = evidence.parsed(bundle.files[PARAMETERS]) if PARAMETERS in bundle.files else {}
    recipes = {m.name: m.recipe for m in MEASURES.values()} | {"state": track.RECIPE}
    for name, recipe in parameters.get("recipes", {}).items():
        if recipes.get(name) != recipe:
            told.append(
                f"It was measured by the recipe {recipe}; here it is {recipes.get(name, 'not known any more')}."
            )
    mine = software()
    others = [
        f"{name} {version} (here {mine.get(name, 'none')})"
        for name, version in parameters.get("software", {}).items()
        if name != "quaywatch" and mine.get(name) != version
    ]
    if others:
        told.append(f"It was computed with {', '.join(others)}: the last digits may differ.")
    return told


# an alert


@dataclass(frozen=True, kw_only=True)
class Recomputed:
    """What the files of an alert's bundle give."""

    incidents: Sequence[Incident]
    """All of the series, or of the AOI if it is about a time without a usable look."""

    followed: Followed | None
    rule: Rule | None
    measured: Mapping[str, Measured]
    """By look, of the pair that is pictured."""

    reference_looks: int
    """Looks of the state that both were compared with."""

    @property
    def files(self) -> dict[str, Any]:
        """What is recorded of it: file name -> plain value."""
        found: dict[str, Any] = {"incidents": self.incidents, "rule": self.rule}
        if self.followed is not None:
            found["scores"] = [
                {"look": s.look, "value": s.value, "z": s.z, "p": s.p, "expected": s.expected}
                for s in self.followed.scores
            ]
        made = {FOUND: evidence.plain(found)}
        if self.measured:
            looks = {
                look: {"reference_looks": self.reference_looks, "measurements": m.measurements, "vessels": m.vessels}
                for look, m in self.measured.items()
            }
            made[MEASURED] = evidence.plain(looks)
        return made


def recomputed(files: Mapping[str, bytes]) -> Recomputed:
    """Everything that can be computed from the files of an alert's bundle, without those that record what was.

    Raises:
        ValueError, LookupError, TypeError, QuaywatchError: they are not what a bundle of this version holds.
    """
    parameters = evidence.parsed(files[PARAMETERS])
    aoi = from_features(evidence.parsed(files[AOI]), AOI)
    if parameters["kind"] == Kind.BLIND:
        spells = alert.blind_spells(aoi.id, _eyes_open(files, aoi), utc(parameters["as_of"]))
        return Recomputed(incidents=spells, followed=None, rule=None, measured={}, reference_looks=0)
    points = [_point(p) for p in evidence.parsed(files[SERIES])["points"]]
    key, budget = (parameters["zone"], parameters["measure"]), parameters["false_alarms_a_year"]
    chosen = [(w.zone, w.measure) for w in derive.watched(aoi)]
    followed = derive.follow(aoi, {key: points}, budget)[key]
    state = _state(files, parameters)
    return Recomputed(
        incidents=followed.incidents,
        followed=followed,
        rule=derive.rule_for(points, MEASURES[key[1]].family, len(chosen), budget) if key in chosen else None,
        measured=_measured(files, parameters, aoi, state),
        reference_looks=state.looks if state is not None else 0,
    )


def _eyes_open(files: Mapping[str, bytes], aoi: Aoi) -> list[datetime]:
    """Instants at which what is watched could be seen, as `derive` has them."""
    looks = [x for x in evidence.parsed(files[LOOKS])["looks"] if x["reason"] is None]
    counting = {s for w in derive.watched(aoi) for s in MEASURES[w.measure].sensors}
    usable = [(Sensor(x["track"]["sensor"]), utc(x["start"])) for x in looks]
    return [at for sensor, at in usable if sensor in counting] or [at for _, at in usable]


def _point(value: Mapping[str, Any]) -> Point:
    return Point(
        look=value["look"],
        track=value["track"],
        at=utc(value["at"]),
        value=float(value["value"]),
        satellite=value["satellite"],
    )


def _state(files: Mapping[str, bytes], parameters: Mapping[str, Any]) -> TrackState | None:
    if parameters["state"] is None:
        return None
    content, grid = files[parameters["state"]], Grid(**parameters["grid"])
    _check_size(content, LARGEST_STATE * (grid.height * grid.width + 1000))
    return unpack_state(content)


def _check_size(content: bytes, largest: int) -> None:
    """Raises ValueError for a few bytes that would fill the memory: the bundle may come from anybody."""
    inner = zlib.decompressobj().decompress(content, largest + 1)
    if len(inner) <= largest:
        with zipfile.ZipFile(io.BytesIO(inner)) as saved:
            size = sum(part.file_size for part in saved.infolist())
    if len(inner) > largest or size > largest:
        raise ValueError("the state of the track is larger than any")


def _measured(
    files: Mapping[str, bytes], parameters: Mapping[str, Any], aoi: Aoi, state: TrackState | None
) -> dict[str, Measured]:
    place = site(aoi, Grid(**parameters["grid"]))
    view = None if state is None else View(state=state)
    made = {}
    for shown in parameters["pair"]:
        stack = stack_of(files[shown["record"]], files[shown["pixels"]], shown["look"], place.grid)
        made[shown["look"]] = measures.measure(stack, track_of(shown["track"]), place, utc(shown["at"]), view)
    return made


def stack_of(record: bytes, pixels: bytes, look: str, grid: Grid) -> Stack:
    """The pixels of an archived look, as they were measured.

    Raises:
        ValueError, LookupError: they are of another look, or lie on another grid.
    """
    told = unseal(record)
    if told["look"] != look:
        raise ValueError(f"the pixels of {look} are those of {told['look']}")
    codings = {name: Coding(band["coding"]) for name, band in told["bands"].items()}
    return Stack(grid=grid, bands=unpack_pixels(pixels, grid, codings))


def track_of(value: Mapping[str, Any]) -> Track:
    """The track of a plain value."""
    return Track(
        sensor=Sensor(value["sensor"]),
        relative_orbit=value["relative_orbit"],
        direction=Direction(value["direction"]),
        polarisation=value["polarisation"],
    )


def found_again(incident: Incident, among: Sequence[Incident]) -> int | None:
    """Which of those that the series gives is the one that was told: its index; None if none is."""
    same = [
        (abs(found.onset - incident.onset), abs(found.raised - incident.raised), number)
        for number, found in enumerate(among)
        if incident.overlaps(found)
    ]
    return min(same)[-1] if same else None


def moved_on(told: Mapping[str, Any], now: Incident) -> list[str]:
    """Fields of an incident (plain, as told at a step) that the series does not give (any more)."""
    found = evidence.plain(now)
    names = [f.name for f in fields(Incident) if f.name not in OF_ITS_LIFE]
    return [n for n in names if list(evidence.differences(n, told.get(n), found[n]))]


def replay_alert(bundle: Bundle) -> Compared:
    """The incidents of the series, and the measures of the pair of looks; `REPLAYS`."""
    now = recomputed(bundle.files)
    found = [
        d
        for name, value in now.files.items()
        for d in evidence.differences(name, evidence.parsed(bundle.files[name]), value)
    ]
    told = evidence.parsed(bundle.files[INCIDENT])
    found += _told_otherwise(told, now)
    return Compared(
        compared=sum(map(evidence.leaves, now.files.values())),
        differences=found,
        remarks=(*_remarks(told), *_missing(bundle)),
    )


def _told_otherwise(told: Mapping[str, Any], now: Recomputed) -> Iterator[Difference]:
    """What the incident says of itself against what the series gives."""
    found = found_again(incident_from(json.dumps(told["incident"])), now.incidents)
    yield from evidence.differences(f"{INCIDENT}.found", told["found"], found)
    if found is None:
        return
    incident = evidence.plain(now.incidents[found])
    for name in moved_on(told["incident"], now.incidents[found]):
        if name not in told["moved_on"]:
            yield from evidence.differences(f"{INCIDENT}.incident.{name}", told["incident"].get(name), incident[name])


def _remarks(told: Mapping[str, Any]) -> Iterator[str]:
    if told["found"] is None:
        yield "When the bundle was made, the series as it stood then did not show this incident (any more)."
    if told["moved_on"]:
        yield (
            "When the bundle was made, these of its numbers had changed since the step, by later looks or newer code: "
            f"{', '.join(map(str, told['moved_on']))}."
        )


def _missing(bundle: Bundle) -> Iterator[str]:
    if MISSING in bundle.files:
        for what, why in evidence.parsed(bundle.files[MISSING]).items():
            yield f"Not in the bundle: {what} ({why})."


REPLAYS: Mapping[BundleKind, Replay] = {
    BundleKind.ALERT: replay_alert,
    BundleKind.ASSESSMENT: replay_assessment,
}
"""How each kind is computed again."""
