"""The account of a workspace: caps that hold, and a forecast that says what the places will need."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from monitor.aoi import Aoi
from monitor.config import SentinelHubSource
from monitor.errors import QuotaError
from monitor.flow.account import StoreAccount, forecast
from monitor.scene import Sensor
from monitor.store import Store
from monitor.times import utc
from monitor.units import look_units

SOURCE = SentinelHubSource(kind="sentinel_hub", units_per_month=3.0, requests_per_month=4)


class Clock:
    """A calendar to turn by hand."""

    def __init__(self) -> None:
        self.at = utc("2026-11-24")

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def account(store: Store, clock: Clock) -> StoreAccount:
    return StoreAccount(store=store, source=SOURCE.name, units_per_month=3.0, requests_per_month=4, now=clock)


def test_the_cap_holds_and_says_how_much_is_used(account: StoreAccount) -> None:
    account.settle(account.reserve(1.6, 1, "a"), 1.6)
    with pytest.raises(QuotaError, match=r"would pass the cap of this month \(1\.6 of 3 units, 1 of 4"):
        account.reserve(1.6, 1, "b")
    account.release(account.reserve(1.4, 1, "c"))
    account.reserve(1.4, 1, "d")


def test_requests_have_a_cap_of_their_own(account: StoreAccount) -> None:
    for number in range(4):
        account.settle(account.reserve(0.01, 1, str(number)), 0.01)
    with pytest.raises(QuotaError, match="4 of 4 requests"):
        account.reserve(0.01, 1, "fifth")


def test_a_new_month_is_a_new_quota(account: StoreAccount, clock: Clock) -> None:
    account.settle(account.reserve(3.0, 1, "a"), 3.0)
    clock.at = utc("2026-12-01")
    account.reserve(3.0, 1, "b")


def test_what_the_service_itself_has_closed_stays_closed_until_then(account: StoreAccount, clock: Clock) -> None:
    account.close_until(utc("2026-12-01"), "403")
    with pytest.raises(QuotaError, match="the service says that the quota is used up"):
        account.reserve(0.1, 1, "a")
    clock.at = utc("2026-12-01")
    account.reserve(0.1, 1, "b")


def test_the_ledger_outlives_the_process(new_store: Callable[[], Store], clock: Clock) -> None:
    store = new_store()
    first = StoreAccount(store=store, source="s", units_per_month=3.0, requests_per_month=4, now=clock)
    first.settle(first.reserve(2.5, 1, "a"), 2.5)
    second = StoreAccount(store=store, source="s", units_per_month=3.0, requests_per_month=4, now=clock)
    with pytest.raises(QuotaError):
        second.reserve(1.0, 1, "b")


def test_the_forecast_is_the_formula_times_the_looks(port: Aoi) -> None:
    rates = {port.id: {Sensor.SENTINEL1: 5.0, Sensor.SENTINEL2: None}}
    need = forecast(SOURCE, [port], rates, timedelta(hours=6))
    radar = look_units(port.grid(), Sensor.SENTINEL1, ("vv", "vh"))
    optical = look_units(port.grid(), Sensor.SENTINEL2, ("b02", "b03", "b04", "b08", "scl"))
    assert need.units == pytest.approx(5 * radar + 12 * (optical + 0.01), rel=1e-9)
    assert need.requests == 5 + 12 + 12
    hourly = SOURCE.model_copy(update={"discovery": "catalog", "sensors": (Sensor.SENTINEL1,)})
    assert forecast(hourly, [port], rates, timedelta(hours=1)).requests == pytest.approx(5 + 30.4 * 24, abs=2)
