"""The processing units of a Sentinel Hub account: what was spent this month, kept in the database.

The ledger is this workspace's own. Whoever uses the account elsewhere too should set the cap lower.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.aoi import Aoi
from monitor.cadence import MONTH
from monitor.config import Discovery, SentinelHubSource
from monitor.errors import QuotaError
from monitor.flow.imagery import BANDS
from monitor.scene import Sensor
from monitor.store import Spent, Store
from monitor.units import SEARCH_UNITS, Looks, monthly_requests, monthly_units

USUAL_LOOKS = {Sensor.SENTINEL1: 10.0, Sensor.SENTINEL2: 12.0}
"""Looks a month where none were counted yet: two satellites each, at the latitude of Rajin."""


def month_of(at: datetime) -> str:
    """The calendar month that quotas count by, UTC: 2026-11."""
    return f"{at:%Y-%m}"


@dataclass(frozen=True, kw_only=True)
class StoreAccount:
    """Reserves units before a request, and books what it cost. Two processes can not pass the cap together."""

    store: Store
    source: str
    """Name of the source that spends."""

    units_per_month: float
    requests_per_month: int
    now: Callable[[], datetime]

    def reserve(self, units: float, requests: int, what: str) -> str:
        """The id of a reservation.

        Raises:
            QuotaError: the cap would be passed, or the service has said that the quota is used up.
        """
        at = self.now()
        with self.store.transaction() as tx:
            closed = tx.closed_until(self.source, at)
            given = (
                None
                if closed
                else tx.reserve_units(
                    self.source,
                    month_of(at),
                    forecast=units,
                    requests=requests,
                    cap_units=self.units_per_month,
                    cap_requests=self.requests_per_month,
                    what=what,
                    at=at,
                )
            )
            spent, asked = tx.units_of_month(self.source, month_of(at))
        if closed:
            raise QuotaError(
                f"{self.source}: the service says that the quota is used up",
                f"Nothing is asked of it before {closed:%Y-%m-%d}. The account's dashboard shows what used it.",
            )
        if given is None:
            raise QuotaError(
                f"{self.source}: {units:.2f} more units would pass the cap of this month "
                f"({spent:.1f} of {self.units_per_month:g} units, {asked} of {self.requests_per_month} requests used)",
                "Wait for the next month, or raise units_per_month or requests_per_month in config.toml.",
            )
        return given

    def settle(self, reservation: str, units: float) -> None:
        """Books what was really charged."""
        with self.store.transaction() as tx:
            tx.settle_units(reservation, units)

    def release(self, reservation: str) -> None:
        """Nothing was charged."""
        with self.store.transaction() as tx:
            tx.release_units(reservation)

    def close_until(self, instant: datetime, why: str) -> None:
        """Nothing is asked of the service before that instant."""
        with self.store.transaction() as tx:
            tx.close_source(self.source, instant, why)


def forecast(
    listed: SentinelHubSource,
    aois: Iterable[Aoi],
    rates: Mapping[str, Mapping[Sensor, float | None]],
    cadence: timedelta,
) -> Spent:
    """What the AOIs need in a month, at their observed looks a month, or the usual ones where none are known.

    Searches of the service's own Catalog count: with `discovery = "catalog"` each poll makes one for each sensor, with
    "stac" only an optical look needs one, for the moment at which its tile was seen.
    """
    units = requests = 0.0
    for aoi in aois:
        looks = {
            s: Looks(a_month=rates[aoi.id][s] or USUAL_LOOKS[s], bands=BANDS["VV" if s is Sensor.SENTINEL1 else ""])
            for s in listed.sensors
        }
        searches = MONTH / cadence * len(looks)
        if listed.discovery is Discovery.STAC:
            searches = looks[Sensor.SENTINEL2].a_month if Sensor.SENTINEL2 in looks else 0.0
        units += monthly_units([aoi.grid()], looks) + searches * SEARCH_UNITS
        requests += monthly_requests([aoi.grid()], looks) + searches
    return Spent(units=units, requests=math.ceil(requests))
