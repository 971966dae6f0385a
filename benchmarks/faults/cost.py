"""Processing units: forecast by our formula, booked in the ledger of the workspace, charged by the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from servers.sentinel_hub import Trouble

from benchmarks.faults.ground import BANDS
from benchmarks.faults.month import HUB, Month
from benchmarks.faults.passes import START
from monitor.aoi import Aoi
from monitor.flow.account import month_of
from monitor.scene import Sensor
from monitor.units import SEARCH_UNITS, look_units

COLLECTIONS = {"sentinel-1-grd": (Sensor.SENTINEL1, ("vv", "vh")), "sentinel-2-l2a": (Sensor.SENTINEL2, BANDS)}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Processing units."""

    forecast: float
    """By our formula, for the images and pages of the Catalog that were sent, and for answers that broke off: nobody
    can tell whether those are charged, and the ledger takes it that they are."""

    booked: float
    """In the ledger of the workspace."""

    charged: float
    """By the service; for pages, for which the stand-in charges nothing, what they cost at least."""

    spoiled: float
    """Of those charged, for answers that a fault had spoiled."""


def cost(month: Month) -> Cost:
    """What the answers of the service were forecast to cost, and did."""
    aois = {_corners(aoi.grid().bounds): aoi for _, aoi in month.aois}
    charged = forecast = spoiled = 0.0
    for request in month.servers.hub.requests:
        if request.name == "token" or (request.status != HTTPStatus.OK and request.fault != Trouble.CUT):
            continue
        is_page = request.name == "search"
        units = SEARCH_UNITS if is_page else _formula(request.body["input"], aois)
        forecast += units
        if request.status == HTTPStatus.OK:
            charged += SEARCH_UNITS if is_page else request.units
            spoiled += units if request.fault else 0
    with month.desk.store.transaction() as tx:
        months = {month_of(at) for at in (START, month.clock.now)}
        booked = sum(tx.units_of_month(HUB, name).units for name in months)
    return Cost(forecast=forecast, booked=booked, charged=charged, spoiled=spoiled)


def _formula(asked: Mapping[str, Any], aois: Mapping[tuple[int, ...], Aoi]) -> float:
    """Our forecast for the image that was asked for."""
    sensor, bands = COLLECTIONS[asked["data"][0]["type"]]
    return look_units(aois[_corners(asked["bounds"]["bbox"])].grid(), sensor, bands)


def _corners(bounds: Sequence[float]) -> tuple[int, ...]:
    return tuple(round(v) for v in bounds)
