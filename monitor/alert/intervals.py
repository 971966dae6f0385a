"""90 % intervals of what was counted."""

from __future__ import annotations

from scipy import special

from monitor.alert.incident import Interval90

TAIL = 0.05
"""On either side of a 90 % interval."""


def of_rate(events: int, years: float) -> Interval90:
    """Events a year with the exact interval of a Poisson number (Garwood 1936, Biometrika 28)."""
    low = float(special.gammaincinv(events, TAIL)) if events else 0.0
    return Interval90(events / years, low / years, float(special.gammaincinv(events + 1.0, 1 - TAIL)) / years)


def of_share(found: int, tried: int) -> Interval90:
    """Share found, of at least one that was tried, with Jeffreys' interval.

    Beta(found + 1/2, missed + 1/2) at 5 and 95 %, closed at 0 and 1 where all are of one kind (Brown, Cai & DasGupta
    2001, Statistical Science 16).
    """
    a, b = found + 0.5, tried - found + 0.5
    low = 0.0 if found == 0 else float(special.betaincinv(a, b, TAIL))
    high = 1.0 if found == tried else float(special.betaincinv(a, b, 1 - TAIL))
    return Interval90(found / tried, low, high)
