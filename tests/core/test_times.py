"""Instants are UTC and aware; intervals hold their start and not their end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import UsageError
from monitor.times import Interval, end_of, start_of, utc

T0 = datetime(2025, 1, 1, tzinfo=UTC)
HOURS = st.integers(0, 12)


def hours(start: int, end: int) -> Interval:
    return Interval(start=T0 + timedelta(hours=start), end=T0 + timedelta(hours=end))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2025-10-01", datetime(2025, 10, 1, tzinfo=UTC)),
        (" 2025-10-01 ", datetime(2025, 10, 1, tzinfo=UTC)),
        ("2025-10-01T09:20:00Z", datetime(2025, 10, 1, 9, 20, tzinfo=UTC)),
        ("2025-10-01T09:20:00", datetime(2025, 10, 1, 9, 20, tzinfo=UTC)),
        ("2025-10-01T00:30:00+09:00", datetime(2025, 9, 30, 15, 30, tzinfo=UTC)),
    ],
)
def test_text_becomes_an_instant_in_utc(text: str, instant: datetime) -> None:
    assert utc(text) == instant
    assert utc(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", ["", "yesterday", "2025-13-01", "2025-02-30", "1 October 2025"])
def test_what_is_no_date_is_named(text: str) -> None:
    with pytest.raises(UsageError, match="is not a date") as caught:
        utc(text)
    assert repr(text) in caught.value.message
    assert caught.value.hint


@given(st.datetimes(timezones=st.timezones()))
def test_iso_text_comes_back_as_the_same_instant(moment: datetime) -> None:
    fixed = moment.astimezone(timezone(moment.utcoffset() or timedelta(0)))
    assert utc(fixed.isoformat()) == fixed


@given(st.dates(max_value=date(9999, 12, 30)), st.timedeltas(timedelta(0), timedelta(days=1, microseconds=-1)))
def test_a_day_holds_its_instants_and_no_others(day: date, into: timedelta) -> None:
    whole = Interval(start=start_of(day), end=end_of(day))
    assert start_of(day) + into in whole
    assert end_of(day) + into not in whole


@given(HOURS, HOURS, HOURS, HOURS)
def test_overlap_means_a_shared_instant(a: int, b: int, c: int, d: int) -> None:
    one, other = sorted((a, b)), sorted((c, d))
    shared = set(range(*one)) & set(range(*other))
    assert hours(*one).overlaps(hours(*other)) == bool(shared)
    assert hours(*other).overlaps(hours(*one)) == bool(shared)


def test_an_interval_needs_a_time_zone_and_a_direction() -> None:
    naive = datetime(2025, 1, 1)  # noqa: DTZ001 -- the naive one is what is refused
    with pytest.raises(UsageError, match="no time zone"):
        Interval(start=naive, end=T0)
    with pytest.raises(UsageError, match="no time zone"):
        Interval(start=T0, end=naive)
    with pytest.raises(UsageError, match="before it starts"):
        hours(2, 1)
    assert str(hours(0, 48)) == "2025-01-01 .. 2025-01-03"
