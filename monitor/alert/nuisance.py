"""What else could look like a change: weather, instruments, the season, chance; and how much of it each could explain.

How much: the change told anew from the looks that a nuisance did not touch. What is gone with the touched looks is
what it could explain at most; that they also saw what the others saw cannot be told from this.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import fmean, median

from monitor.measurement import Reason

LEAST_LEFT = 3
"""Untouched looks from which a change is told anew."""

CLEARLY_OFF = 2.0
"""Robust standard deviations of the reference zones: 1 of 40 ordinary looks is as bright."""

LEAST_KNOWN = 8
"""Earlier looks of a track that tell how bright its reference zones usually are."""

SMALLEST_SPREAD_DB = 0.3
"""No reference zone is steadier than Sentinel-1 is."""

NEARBY = timedelta(days=6)
"""Ice and snow stay for days: a look is near one that was discarded for them."""

FEW_LOOKS, FEW_BEFORE = 6, 24
"""Fewer looks of a change, or before it, are few."""

LEAST_BEFORE = 6
"""Earlier looks of a track before anything is new on it: satellites take turns."""

KNOWN_YEARS = 2.0
"""After two years a season has come again."""

SEASON_DAYS, LEAST_OF_SEASON = 30, 4
"""Looks of earlier years as near to the time of year of the change, and how many of them tell of it."""

YEAR = timedelta(days=365.25)


class NuisanceKind(StrEnum):
    """What could look like a change."""

    ICE = "ice"
    WIND = "wind or rain on the sea"
    SNOW = "snow or frost"
    RAIN = "rain-like brightening"
    SWITCH = "another satellite or processor"
    REGISTRATION = "looks that lie beside the others"
    FEW_LOOKS = "few looks"
    SEASON = "a season that is not known yet"


OF_WATER = (NuisanceKind.ICE, NuisanceKind.WIND, NuisanceKind.RAIN)
OF_LAND = (NuisanceKind.SNOW, NuisanceKind.RAIN)
OF_ALL = (NuisanceKind.SWITCH, NuisanceKind.REGISTRATION, NuisanceKind.FEW_LOOKS, NuisanceKind.SEASON)


@dataclass(frozen=True, kw_only=True)
class Nuisance:
    """One of them, for one incident."""

    kind: NuisanceKind
    share_of_looks: float | None
    """Of the looks of the incident that it touches, 0..1; None: it cannot be told, nothing that was kept shows it."""

    could_explain: float | None = None
    """How much of the change at most, 0..1; None: it cannot be told."""

    text: str = ""
    """What was found, in words; empty: nothing."""

    @property
    def found(self) -> bool:
        """True if it touches at least one look."""
        return bool(self.share_of_looks)


@dataclass(frozen=True, kw_only=True)
class Circumstance:
    """A usable look of a series and what is known about it."""

    track: str
    at: datetime
    value: float
    usual: float | None
    """What was expected of it; None: too little history."""

    water: float | None = None
    """How much brighter the reference water was than usual on this track, robust standard deviations; None: unknown."""

    land: float | None = None
    platform: str = ""
    """Empty: not stated."""

    processor: str = ""
    reasons: Set[Reason] = frozenset()
    """Why other zones of the same look could not be used."""

    near: Set[Reason] = frozenset()
    """Why other looks within NEARBY of it could not be used."""


def nuisances(
    own: Sequence[Circumstance], earlier: Sequence[Circumstance], *, water: bool, baseline_looks: int
) -> list[Nuisance]:
    """All that could be at work in the zone, found or not.

    Args:
        own: looks of the incident, in order of time, at least one.
        earlier: looks of the series before it, in order of time.
        water: True for a zone of water, False for land.
        baseline_looks: earlier looks it is compared with.
    """
    kinds = [*(OF_WATER if water else OF_LAND), *OF_ALL]
    told = {
        NuisanceKind.ICE: lambda: _of_reasons(own, NuisanceKind.ICE, Reason.ICE),
        NuisanceKind.WIND: lambda: _wind(own),
        NuisanceKind.SNOW: lambda: _snow(own),
        NuisanceKind.RAIN: lambda: _rain(own),
        NuisanceKind.SWITCH: lambda: _switch(own, earlier),
        NuisanceKind.REGISTRATION: lambda: _of_reasons(own, NuisanceKind.REGISTRATION, Reason.MISREGISTERED),
        NuisanceKind.FEW_LOOKS: lambda: _few(own, baseline_looks),
        NuisanceKind.SEASON: lambda: _season(own, earlier),
    }
    return [told[kind]() for kind in kinds]


def brightness(levels: Sequence[tuple[str, str, datetime, float]], onset: datetime) -> dict[str, float]:
    """By look: how much brighter a reference zone was than usual on its track before the onset, in robust deviations.

    `levels`: look, track, time and dB. Tracks with fewer than LEAST_KNOWN looks before the onset are left out.
    """
    before: dict[str, list[float]] = {}
    for _, track, at, level in levels:
        if at < onset:
            before.setdefault(track, []).append(level)
    middle, spread = {}, {}
    for track, known in before.items():
        if len(known) >= LEAST_KNOWN:
            middle[track] = median(known)
            scatter = 1.4826 * median(abs(level - middle[track]) for level in known)
            spread[track] = max(scatter, SMALLEST_SPREAD_DB)
    return {look: (level - middle[t]) / spread[t] for look, t, _, level in levels if t in middle}


def explained(own: Sequence[Circumstance], touched: Sequence[bool]) -> float | None:
    """How much smaller the mean distance from what is usual is without the touched looks, 0..1."""
    whole = _excess(own)
    left = [c for c, t in zip(own, touched, strict=True) if not t]
    if whole is None or whole == 0 or len(left) < LEAST_LEFT:
        return None
    without = _excess(left)
    return None if without is None else _bounded(1 - without / whole)


def _excess(looks: Sequence[Circumstance]) -> float | None:
    off = [c.value - c.usual for c in looks if c.usual is not None]
    return fmean(off) if off else None


def _bounded(share: float) -> float:
    return min(max(share, 0.0), 1.0)


def _touching(own: Sequence[Circumstance], kind: NuisanceKind, touched: Sequence[bool], how: str) -> Nuisance:
    n = sum(touched)
    if not n:
        return Nuisance(kind=kind, share_of_looks=0.0)
    text = f"{n} of {len(own)} looks ({how})"
    return Nuisance(kind=kind, share_of_looks=n / len(own), could_explain=explained(own, touched), text=text)


def _of_reasons(own: Sequence[Circumstance], kind: NuisanceKind, reason: Reason) -> Nuisance:
    stays = kind in {NuisanceKind.ICE, NuisanceKind.SNOW}
    touched = [reason in c.reasons or (stays and reason in c.near) for c in own]
    where = "other zones of them, or looks within 6 days," if stays else "other zones of them"
    return _touching(own, kind, touched, f"{where} were not used because of '{reason}'")


def _wind(own: Sequence[Circumstance]) -> Nuisance:
    if all(c.water is None for c in own) and not any(Reason.ROUGH_SEA in c.reasons for c in own):
        return Nuisance(kind=NuisanceKind.WIND, share_of_looks=None)
    touched = [(c.water or 0.0) > CLEARLY_OFF or Reason.ROUGH_SEA in c.reasons for c in own]
    return _touching(
        own, NuisanceKind.WIND, touched, "the reference water was brighter than usual, or the sea too rough"
    )


def _rain(own: Sequence[Circumstance]) -> Nuisance:
    if all(c.land is None for c in own):
        return Nuisance(kind=NuisanceKind.RAIN, share_of_looks=None)
    touched = [(c.land or 0.0) > CLEARLY_OFF for c in own]
    return _touching(own, NuisanceKind.RAIN, touched, "the reference land was brighter than usual, as wet ground is")


def _snow(own: Sequence[Circumstance]) -> Nuisance:
    touched = [
        bool({Reason.SNOW} & (c.reasons | c.near)) or (c.land is not None and c.land < -CLEARLY_OFF) for c in own
    ]
    how = "snow was seen on them or within 6 days, or the reference land was darker than usual, as wet snow is"
    return _touching(own, NuisanceKind.SNOW, touched, how)


def _switch(own: Sequence[Circumstance], earlier: Sequence[Circumstance]) -> Nuisance:
    stated = any(c.platform or c.processor for c in own)
    if not stated or not earlier:
        return Nuisance(kind=NuisanceKind.SWITCH, share_of_looks=None)
    known: dict[str, list[str]] = {}
    for c in earlier:
        known.setdefault(c.track, []).extend((c.platform, c.processor))
    old = {track: {*names, ""} for track, names in known.items() if len(names) >= 2 * LEAST_BEFORE}
    new = [{c.platform, c.processor} - old[c.track] if c.track in old else set() for c in own]
    names = ", ".join(sorted(set().union(*new)))
    return _touching(own, NuisanceKind.SWITCH, [bool(n) for n in new], f"made with what is new on their track: {names}")


def _few(own: Sequence[Circumstance], baseline_looks: int) -> Nuisance:
    few, little = len(own) < FEW_LOOKS, baseline_looks < FEW_BEFORE
    if not (few or little):
        return Nuisance(kind=NuisanceKind.FEW_LOOKS, share_of_looks=0.0)
    whole = _excess(own)
    off = [0.0 if c.usual is None else c.value - c.usual for c in own]
    farthest = max(range(len(own)), key=lambda i: off[i] * math.copysign(1.0, whole or 1.0))
    text = " and ".join(
        [
            *([f"it rests on {len(own)} {'look' if len(own) == 1 else 'looks'}"] if few else []),
            *([f"what is usual rests on {baseline_looks} earlier looks"] if little else []),
        ]
    )
    share = explained(own, [i == farthest for i in range(len(own))])
    text += "; told by leaving out the look that is farthest off" if share is not None else ""
    return Nuisance(kind=NuisanceKind.FEW_LOOKS, share_of_looks=1.0, could_explain=share, text=text)


def _season(own: Sequence[Circumstance], earlier: Sequence[Circumstance]) -> Nuisance:
    known = (own[0].at - earlier[0].at) / YEAR if earlier else 0.0
    if known >= KNOWN_YEARS:
        return Nuisance(kind=NuisanceKind.SEASON, share_of_looks=0.0)
    days = {c.at.timetuple().tm_yday for c in own}
    then = [
        c.value
        for c in earlier
        if own[0].at - c.at > timedelta(days=2 * SEASON_DAYS)
        and any(_apart(c.at.timetuple().tm_yday, day) <= SEASON_DAYS for day in days)
    ]
    text = f"{_years(known)} are known before it"
    if len(then) < LEAST_OF_SEASON:
        return Nuisance(kind=NuisanceKind.SEASON, share_of_looks=1.0, text=f"{text}, this time of year not among them")
    whole = _excess(own)
    mean = fmean(c.value for c in own if c.usual is not None) if whole is not None else 0.0
    share = None if not whole else _bounded(1 - (mean - fmean(then)) / whole)
    text += f"; told from {len(then)} looks at this time of the year before"
    return Nuisance(kind=NuisanceKind.SEASON, share_of_looks=1.0, could_explain=share, text=text)


def _years(known: float) -> str:
    return f"{known:.1f} years" if known >= 1 else f"{round(known * 12)} months"


def _apart(one: int, other: int) -> int:
    """Days of the year between two of them, the short way round."""
    between = abs(one - other)
    return min(between, 365 - between)
