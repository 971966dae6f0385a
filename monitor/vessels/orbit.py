"""How Sentinel-1 looks at a place, from the number of the relative orbit.

All satellites of the family keep the same ground tracks, within some 100 m, so the number and the place give the angle
of incidence, the bearing of the azimuth line and the sub-swath. Circular orbit over a sphere: good to 0.3 degrees.
Checked against azimuth ghosts over Latakia, orbit 87: 5.83 km at a grid bearing of 348.9 degrees, measured 5.82 km at
348.9.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.scene import Direction, Track

Array = NDArray[np.float64]

ORBITS, DAYS = 175, 12
"""A cycle. Relative orbit 1 crosses the equator northward next east of Greenwich, each later one further west."""

FIRST_NODE_DEG = 0.28
"""Longitude of the ascending node of relative orbit 1, from the ghosts mentioned above (slant range 944 km)."""

INCLINATION = math.radians(98.18)
TURN = 2 * math.pi * DAYS / ORBITS
"""By how much the Earth turns under the orbital plane, which keeps its angle to the sun, in one revolution, rad."""

EARTH_RADIUS, ORBIT_RADIUS = 6_371e3, 7_071e3
"""m."""

SPEED = 7_590.0
"""Of the satellite, relative to the turning Earth, m/s."""

WAVELENGTH = 0.05547
"""m: 5.405 GHz."""

PRF: Sequence[tuple[float, float, float]] = (
    (29.0, 36.7, 1717.1),
    (36.0, 42.1, 1451.6),
    (41.5, 46.5, 1685.8),
)
"""Sub-swaths IW1 to IW3, which overlap a little: lowest and highest incidence, degrees; pulse repetition frequency, Hz
(constants of the IW mode, as its product annotations give them)."""


@dataclass(frozen=True, kw_only=True)
class Viewing:
    """How a track looks at a place."""

    incidence_deg: float
    slant_range_m: float

    azimuth_deg: float
    """Direction of flight as the target sees it, degrees clockwise from true north, 0..360. Range is 90 more."""

    def ghost_distances(self) -> list[float]:
        """Azimuth distances of the first ambiguity from its target, m: one, or two where sub-swaths overlap.

        PRF * wavelength * slant range / (2 * speed): the distance in which the Doppler frequency of a target changes
        by one PRF (Curlander & McDonough 1991, "Synthetic aperture radar", section 6.5).
        """
        return [
            prf * WAVELENGTH * self.slant_range_m / (2 * SPEED)
            for low, high, prf in PRF
            if low <= self.incidence_deg < high
        ]


def viewing(track: Track, lon: float, lat: float) -> Viewing | None:
    """How the track looks at a place (degrees); None if orbit or direction are not known, or do not see the place.

    The target is seen where the satellite is nearest to it.
    """
    if track.relative_orbit is None or track.direction is Direction.UNKNOWN:
        return None
    node = math.radians(FIRST_NODE_DEG) - (track.relative_orbit - 1) * TURN
    place = math.radians(lon), math.radians(lat)
    middle, reach = (0.0 if track.direction is Direction.ASCENDING else math.pi), math.pi / 2
    for _ in range(6):
        along = middle + np.linspace(-reach, reach, 41)
        middle = float(along[np.argmax(_cosine(_below(along, node), place))])
        reach /= 15
    below = _below(np.asarray(middle), node)
    angle = math.acos(float(_cosine(below, place)))
    distance = math.sqrt(EARTH_RADIUS**2 + ORBIT_RADIUS**2 - 2 * EARTH_RADIUS * ORBIT_RADIUS * math.cos(angle))
    incidence = math.degrees(math.asin(min(1.0, ORBIT_RADIUS * math.sin(angle) / distance)))
    back = _bearing(place, (float(below[0]), float(below[1])))  # the satellite looks to its right
    found = Viewing(incidence_deg=incidence, slant_range_m=distance, azimuth_deg=(back + 90) % 360)
    forward = math.cos(math.radians(found.azimuth_deg)) > 0
    return found if found.ghost_distances() and forward == (track.direction is Direction.ASCENDING) else None


def _below(along: Array, node: float) -> tuple[Array, Array]:
    """Longitude and latitude (rad) below the satellite at the angle `along` from its ascending node."""
    lat = np.arcsin(math.sin(INCLINATION) * np.sin(along))
    lon = node + np.arctan2(math.cos(INCLINATION) * np.sin(along), np.cos(along)) - TURN * along / (2 * math.pi)
    return lon, lat


def _cosine(a: tuple[Array, Array], b: tuple[float, float]) -> Array:
    """Of the angle between points on the sphere."""
    cosine: Array = np.sin(a[1]) * math.sin(b[1]) + np.cos(a[1]) * math.cos(b[1]) * np.cos(a[0] - b[0])
    return cosine


def _bearing(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Of the great circle from one point to another where it starts, degrees clockwise from north."""
    east = end[0] - start[0]
    return math.degrees(
        math.atan2(
            math.sin(east) * math.cos(end[1]),
            math.cos(start[1]) * math.sin(end[1]) - math.sin(start[1]) * math.cos(end[1]) * math.cos(east),
        )
    )
