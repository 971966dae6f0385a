"""What may still be spent: never more than the cap, whoever asks at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import QuotaError
from monitor.sources.account import MemoryAccount, month_of, next_month

MARCH = datetime(2025, 3, 31, 23, 0, tzinfo=UTC)


class Clock:
    def __init__(self, at: datetime = MARCH) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def account(units: float = 10, requests: int = 100, clock: Clock | None = None) -> MemoryAccount:
    return MemoryAccount(units, requests, now=clock or Clock())


def test_what_is_settled_is_spent_and_what_is_released_is_not() -> None:
    ours = account()
    first, second = ours.reserve(1.5, 1, "a"), ours.reserve(2.5, 1, "b")
    assert (ours.units, ours.requests, ours.reserved) == (0, 0, 4.0)
    ours.settle(first, 1.25)
    ours.release(second)
    assert (ours.units, ours.requests, ours.reserved) == (1.25, 1, 0)


def test_reservations_count_before_they_are_settled() -> None:
    ours = account(units=10)
    ours.reserve(6, 1, "a")
    with pytest.raises(QuotaError, match=r"b: needs 4\.50 units") as refused:
        ours.reserve(4.5, 1, "b")
    assert "1st of the month" in refused.value.hint
    ours.reserve(4, 1, "c")


def test_requests_have_a_cap_of_their_own() -> None:
    ours = account(requests=2)
    ours.settle(ours.reserve(0, 2, "token"), 0)
    with pytest.raises(QuotaError):
        ours.reserve(0, 1, "token")


def test_a_reservation_ends_once() -> None:
    ours = account()
    reservation = ours.reserve(1, 1, "a")
    ours.settle(reservation, 1)
    with pytest.raises(KeyError):
        ours.release(reservation)
    assert ours.units == 1


def test_a_new_month_begins_at_midnight_utc_and_a_late_bill_goes_to_its_own_month() -> None:
    clock = Clock()
    ours = account(units=10, clock=clock)
    ours.settle(ours.reserve(9, 1, "a"), 9)
    late = ours.reserve(1, 1, "b")
    clock.at = MARCH + timedelta(hours=1)
    assert (ours.units, ours.requests) == (0, 0)
    ours.settle(late, 1)
    assert ours.units == 0
    ours.reserve(10, 1, "c")


def test_a_closed_account_gives_nothing_until_its_day() -> None:
    clock = Clock()
    ours = account(clock=clock)
    until = next_month(clock())
    ours.close_until(until, "the service says so")
    ours.close_until(until - timedelta(days=3), "an earlier end does not open it")
    with pytest.raises(QuotaError, match=r"closed until 2025-04-01 \(the service says so\)"):
        ours.reserve(0, 1, "a")
    clock.at = until
    ours.reserve(1, 1, "a")


@pytest.mark.parametrize(
    ("at", "month", "after"),
    [
        (datetime(2025, 12, 31, 23, 59, tzinfo=UTC), (2025, 12), datetime(2026, 1, 1, tzinfo=UTC)),
        (datetime(2025, 1, 1, tzinfo=UTC), (2025, 1), datetime(2025, 2, 1, tzinfo=UTC)),
        (datetime(2025, 5, 1, 8, tzinfo=timezone(timedelta(hours=9))), (2025, 4), datetime(2025, 5, 1, tzinfo=UTC)),
    ],
)
def test_months_are_those_of_utc(at: datetime, month: tuple[int, int], after: datetime) -> None:
    assert month_of(at) == month
    assert next_month(at) == after


@given(st.lists(st.tuples(st.floats(0, 4), st.sampled_from(["settle", "release", "leave"])), max_size=40))
def test_the_cap_is_never_passed(asked: list[tuple[float, str]]) -> None:
    ours = account(units=10, requests=8)
    for units, end in asked:
        try:
            reservation = ours.reserve(units, 1, "x")
        except QuotaError:
            continue
        if end == "settle":
            ours.settle(reservation, units)
        elif end == "release":
            ours.release(reservation)
        assert ours.units + ours.reserved <= 10 + 1e-6
        assert ours.requests <= 8


def test_threads_together_do_not_pass_the_cap() -> None:
    ours = account(units=50, requests=1000)

    def spend(number: int) -> int:
        try:
            ours.settle(ours.reserve(1, 1, f"{number}"), 1)
        except QuotaError:
            return 0
        return 1

    with ThreadPoolExecutor(16) as pool:
        granted = sum(pool.map(spend, range(400)))
    assert granted == ours.units == ours.requests == 50
