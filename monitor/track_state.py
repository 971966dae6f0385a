"""What a track has shown so far: everything a new look is compared with, updated look by look, never recomputed.

Radar and optical tracks are held alike: a histogram per pixel of how far it stands over the open water, which tells
berths and structures apart, and for the pixels of the land zones one of how full they look. Beyond that radar has the
segments of the sequential omnibus test, and light the annual course of the ground and what it takes for cloud.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from monitor import quality, reference
from monitor.change import omnibus, scatter, seasonal, yard
from monitor.change.omnibus import Segments
from monitor.change.scatter import Scatter
from monitor.change.seasonal import Seasonal
from monitor.change.yard import Yard
from monitor.clutter import sea_level_db
from monitor.filters import box_of, multilook
from monitor.grid import Mask
from monitor.open_water import water_of
from monitor.quality import clouds, optical
from monitor.quality.clouds import CloudCounts
from monitor.quality.sea_state import SeaKind, SeaState, sea_state
from monitor.radiometry import Decibel, LinearPower, to_db
from monitor.reference import Contribution, Reference
from monitor.scene import Sensor, Track
from monitor.site import Site
from monitor.stack import Stack
from monitor.vessels.optical import brightness

Array = NDArray[np.float32]

REMEMBERED = 64
"""Looks whose sea and haze are kept to say what is usual."""

CROSS = {"VV": "vh", "HH": "hv"}
"""The other channel of a radar look, by the measured one."""

LIGHT = ("b02", "b03", "b04", "b08")
"""Bands whose annual course is kept."""

FIRST_DAY = date(2014, 1, 1).toordinal()
"""Days of segments are counted from the year in which Sentinel-1 began."""

SPECKLE_LOOKS = 10.0
"""Equivalent looks assumed of a 3 x 3 multilooked pixel over time, until the track has told its own."""


@dataclass(frozen=True, kw_only=True)
class Past:
    """Figures of the last looks, newest last; NaN = not measured."""

    sea_db: Sequence[float] = ()
    texture: Sequence[float] = ()
    haze: Sequence[float] = ()


@dataclass(frozen=True, kw_only=True)
class TrackState:
    """The state of one track on one AOI."""

    water: Reference
    """How far each pixel stands over the open water of its look."""

    yard: Yard
    """How full each pixel of the land zones looks."""

    scatter: Scatter | None
    """Radar: how far each pixel usually is from its mean."""

    segments: Segments | None
    """Radar: the land pixels since they changed last, in both channels."""

    season: Seasonal | None
    """Optical: the land pixels through the year."""

    clouds: CloudCounts | None
    """Optical: what is taken for cloud for ever."""

    past: Past

    @property
    def looks(self) -> int:
        """Usable looks it was made from."""
        return self.water.looks


def nothing(site: Site, sensor: Sensor) -> TrackState:
    """The state before the first look."""
    pixels, radar = int(site.ground.sum()), sensor is Sensor.SENTINEL1
    return TrackState(
        water=reference.nothing(site.grid),
        yard=yard.untouched(pixels),
        scatter=scatter.nothing(site.grid) if radar else None,
        segments=omnibus.none_yet(2, pixels) if radar else None,
        season=None if radar else seasonal.nothing(pixels, LIGHT),
        clouds=None if radar else clouds.no_counts(site.grid),
        past=Past(),
    )


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one look adds to the state of its track."""

    at: datetime
    water: Contribution
    level: Decibel
    """Shape (land pixels,): how full each looks, dB."""

    values: Array
    """Shape (2, land pixels): linear power of both channels, multilooked. Or (bands, land pixels): reflectance."""

    scl: Array | None
    """Optical: class numbers, shape (height, width)."""

    sea: SeaState | None
    haze: float


def share_of(stack: Stack, track: Track, site: Site, at: datetime, counts: CloudCounts | None = None) -> Share | None:
    """The share of a look; None if it saw nothing that could be told from the sea, or is under cloud altogether.

    `counts`: of the state before an optical look, so that bright quays are not taken for cloud.
    """
    if track.sensor is Sensor.SENTINEL1:
        return _radar(stack, track, site, at)
    return _optical(stack, site, at, counts) if set(LIGHT) <= stack.bands.keys() else None


def _radar(stack: Stack, track: Track, site: Site, at: datetime) -> Share | None:
    shown = quality.ground(stack, track.sensor)
    power = stack.power(track.polarisation)
    if shown.noise.any():
        power = LinearPower(np.where(shown.noise, np.float32(np.nan), power))
    del shown
    sea = sea_state(power, site.open_sea)
    sea_db = sea_level(power, site, sea)
    if np.isnan(sea_db):
        return None
    cross = _cross(stack, track, site)
    water = reference.contribution(power, sea_db)
    own = water.smooth[site.ground]
    return Share(
        at=at,
        water=water,
        level=to_db(LinearPower(own)),
        values=np.stack([own, cross]),
        scl=None,
        sea=sea,
        haze=float("nan"),
    )


def sea_level(power: LinearPower, site: Site, open_sea: SeaState | None) -> float:
    """`sea_level_db` of the drawn water, dB; NaN without any. `open_sea`: the state of the open sea of the look."""
    if site.open_sea is not site.sea:
        return sea_level_db(power, site.sea)
    return float("nan") if open_sea is None else open_sea.level_db


def _cross(stack: Stack, track: Track, site: Site) -> Array:
    """The second channel of the land pixels, multilooked; NaN where it is missing. Only their box is looked at."""
    name, box = CROSS.get(track.polarisation, ""), box_of(site.ground)
    if name not in stack.bands or box is None:
        return np.full(int(site.ground.sum()), np.nan, np.float32)
    around = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in box)
    smooth: Array = multilook(LinearPower(stack.bands[name][around]))[site.ground[around]]
    return smooth


def _optical(stack: Stack, site: Site, at: datetime, counts: CloudCounts | None) -> Share | None:
    shown = quality.ground(stack, Sensor.SENTINEL2, counts)
    if not shown.clear.any():
        return None
    seen = masked(stack, shown.clear & ~shown.snow)
    over = brightness(seen.bands, water_of(seen.bands, stack.grid))
    return Share(
        at=at,
        water=reference.contribution(over, 0.0),
        level=Decibel(yard.unevenness(seen.bands)[site.ground]),
        values=np.stack([seen.bands[b][site.ground] for b in LIGHT]),
        scl=stack.bands.get("scl"),
        sea=None,
        haze=optical.haze_level(stack, shown.clear),
    )


def clear_in(values: Array) -> Mask:
    """True for the pixels seen in every band; `values` (bands, pixels)."""
    return np.asarray(np.isfinite(values).all(axis=0))


def masked(stack: Stack, clear: Mask) -> Stack:
    """The look with NaN where the ground was not seen."""
    hidden = ~clear
    bands = {n: np.where(hidden, np.float32(np.nan), b) for n, b in stack.bands.items() if n != "scl"}
    return replace(stack, bands=bands)


def updated(state: TrackState, look: Share, site: Site, *, given_up: bool = False) -> TrackState:
    """The state after one more usable look.

    `given_up`: True if nobody needs the old state any more, nor what follows from it: its images are overwritten.
    """
    usual, segments, season, counts = state.scatter, state.segments, state.season, state.clouds
    if usual is not None:
        usual = scatter.updated(usual, look.water.smooth, state.water, given_up=given_up)
    if segments is not None:
        looks = speckle_looks(state)
        segments = omnibus.followed(segments, look.values, looks, look.at.toordinal() - FIRST_DAY)
    if season is not None:
        season = seasonal.updated(season, look.values, clear_in(look.values), look.at)
    if counts is not None and look.scl is not None:
        counts = clouds.updated(counts, look.scl, site.grid)
    return TrackState(
        water=reference.updated(state.water, look.water, given_up=given_up),
        yard=yard.updated(state.yard, look.level),
        scatter=usual,
        segments=segments,
        season=season,
        clouds=counts,
        past=_remembered(state.past, look),
    )


def _remembered(past: Past, look: Share) -> Past:
    def more(earlier: Sequence[float], value: float) -> tuple[float, ...]:
        return (*earlier, value)[-REMEMBERED:]

    # ice is not what the sea of this track usually is
    sea = None if look.sea is None or look.sea.kind is SeaKind.ICE_LIKE else look.sea
    return Past(
        sea_db=more(past.sea_db, sea.level_db if sea else float("nan")),
        texture=more(past.texture, sea.texture if sea else float("nan")),
        haze=more(past.haze, look.haze),
    )


def speckle_looks(state: TrackState) -> float:
    """Equivalent looks over time of the multilooked land pixels that did not change."""
    told = omnibus.temporal_looks(state.segments) if state.segments is not None else None
    return SPECKLE_LOOKS if told is None else told
