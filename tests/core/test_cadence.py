"""What is expected follows from what came: a regular feed is never silent, a stop never passes for quiet."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from monitor.aoi import Aoi, whole
from monitor.cadence import (
    CANNOT_TELL,
    CYCLES,
    DELAYS,
    LEAST,
    RECENT,
    Audit,
    Feed,
    Overflight,
    TrackAudit,
    audit,
    looks_a_month,
    misses,
)
from monitor.scene import Direction, Pass, Sensor, Track, by_pass
from monitor.sources.folder import FolderSource
from monitor.times import Interval

T0 = datetime(2025, 1, 1, 3, 35, tzinfo=UTC)
DAY = timedelta(days=1)
VV21 = Track(sensor=Sensor.SENTINEL1, relative_orbit=21, direction=Direction.DESCENDING, polarisation="VV")
VV87 = replace(VV21, relative_orbit=87, direction=Direction.ASCENDING)
MSI = Track(sensor=Sensor.SENTINEL2, relative_orbit=121, direction=Direction.DESCENDING)
S1, S2 = Sensor.SENTINEL1, Sensor.SENTINEL2


@dataclass(frozen=True)
class Flown:
    """An overflight: all that the audit asks for."""

    start: datetime
    track: Track = VV21
    platform: str = "sentinel-1a"


def feed(*cycles: int, track: Track = VV21, platform: str = "sentinel-1a", t0: datetime = T0) -> list[Flown]:
    """Passes at these cycles."""
    return [Flown(t0 + c * CYCLES[track.sensor], track, platform) for c in cycles]


def only(found: Audit) -> TrackAudit:
    (line,) = found.tracks
    return line


tracks = st.sampled_from([VV21, MSI])
steps = st.integers(1, 4)
counts = st.integers(LEAST, 40)


# a regular feed


@given(tracks, steps, counts, st.data())
def test_a_regular_feed_misses_nothing_and_is_never_silent(
    track: Track, step: int, count: int, data: st.DataObject
) -> None:
    jitter = st.integers(-240, 240).map(lambda s: timedelta(seconds=s))
    passes = [replace(p, start=p.start + data.draw(jitter)) for p in feed(*range(0, step * count, step), track=track)]
    apart = step * CYCLES[track.sensor]
    as_of = passes[-1].start + data.draw(st.floats(0, 1)) * (apart + DELAYS[track.sensor] - timedelta(minutes=5))
    found = audit(passes, as_of)
    line = only(found)
    assert (line.feed, line.step, line.share, line.seen) == (Feed.ALIVE, step, 1.0, count)
    assert found.missing == []
    assert found.silences == []
    assert found.silent == {}
    assert line.silent_since is None
    assert line.next is not None
    assert timedelta(0) < line.next - as_of <= apart
    assert (line.next - passes[-1].start) % apart == timedelta(0)


@given(tracks, steps, counts)
def test_a_stop_is_noticed_after_two_steps_and_the_delay(track: Track, step: int, count: int) -> None:
    passes = feed(*range(0, step * count, step), track=track)
    stop = passes[-1].start + 2 * step * CYCLES[track.sensor] + DELAYS[track.sensor]
    before, after = audit(passes, stop - timedelta(seconds=1)), audit(passes, stop)
    assert only(before).feed is Feed.ALIVE
    assert before.silent == {}
    assert only(after).silent_since == passes[-1].start == after.silent[track.sensor]
    assert [e.at for e in only(after).missing] == [passes[-1].start + n * step * CYCLES[track.sensor] for n in (1, 2)]
    (said,) = after.silences
    assert said.subject == track.sensor
    assert CANNOT_TELL in said.text
    assert "unknown, not quiet" in said.text


@given(tracks, steps, counts, st.floats(0, 1), st.booleans())
def test_what_is_late_by_less_than_the_delay_is_not_missing(
    track: Track, step: int, count: int, part: float, came: bool
) -> None:
    """Whether it is listed by then or not."""
    passes = feed(*range(0, step * (count + 1), step), track=track)
    as_of = passes[-1].start + part * (DELAYS[track.sensor] - timedelta(seconds=1))
    found = audit(passes if came else passes[:-1], as_of)
    assert found.missing == []
    assert misses(passes[:-1], Interval(start=T0, end=as_of), as_of) == []
    patient = dict.fromkeys(Sensor, timedelta(0))
    assert [e.at for e in audit(passes[:-1], as_of, delays=patient).missing] == [passes[-1].start]


@given(tracks, st.integers(1, 3), st.data())
def test_taking_passes_away_only_adds_missing_ones(track: Track, step: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(6, RECENT // step))
    some, more = (data.draw(st.sets(st.integers(0, count - 1), max_size=count // 2)) for _ in range(2))
    passes = feed(*range(0, step * count, step), track=track)
    as_of = passes[-1].start + DELAYS[track.sensor]
    fewer = [p for i, p in enumerate(passes) if i not in some]
    least = [p for i, p in enumerate(passes) if i not in some | more]
    assume(len(least) >= LEAST)
    first, second = (only(audit(p, as_of)) for p in (fewer, least))
    for line, kept in ((first, fewer), (second, least)):
        gone = {p.start for p in passes} - {p.start for p in kept}
        assert {e.at for e in line.missing} <= gone, "whatever cadence they show, nothing else is missing"
    assume(first.step == second.step == step and first.regular and second.regular and second.feed is not Feed.ENDED)
    before = {e.at for e in first.missing if e.at > least[0].start}
    assert before <= {e.at for e in second.missing}, "nothing is expected before the first pass seen"
    gone = {p.start for p in passes if p.start > least[0].start} - {p.start for p in least}
    assert {e.at for e in second.missing} == gone, "and all that is gone is missing"


@given(st.sets(st.integers(0, 60), max_size=40), st.sets(st.integers(0, 60), max_size=40), st.randoms())
def test_neither_order_nor_repetition_matters(some: set[int], others: set[int], random: Random) -> None:
    passes = [*feed(*some), *feed(*others, track=MSI, platform="sentinel-2b"), *feed(*others, track=VV87)]
    as_of = T0 + 650 * DAY
    mixed = random.sample(passes * 2, len(passes) * 2)
    assert audit(mixed, as_of) == audit(passes, as_of)
    assert looks_a_month(mixed, as_of) == looks_a_month(passes, as_of)
    span = Interval(start=T0, end=as_of)
    assert misses(mixed, span, as_of) == misses(passes, span, as_of)


@given(st.sets(st.integers(0, 60), max_size=40), st.integers(0, 720), st.integers(0, 720))
def test_only_expected_passes_of_the_interval_are_asked_for(some: set[int], since: int, days: int) -> None:
    passes, as_of = feed(*some), T0 + 730 * DAY
    span = Interval(start=T0 + since * DAY, end=T0 + (since + days) * DAY)
    found = audit(passes, as_of)
    single = [e for e in misses(passes, span, as_of) if any(t.regular for t in found.tracks)]
    assert single == [e for e in found.missing if e.at in span]


# cadences that are not as regular


def test_fewer_than_four_passes_let_nothing_be_expected() -> None:
    for count in range(LEAST):
        found = audit(feed(*range(count)), T0 + 400 * DAY)
        assert not found.missing
        assert not found.silences
        assert all((t.feed, t.next, t.step) == (Feed.UNKNOWN, None, None) for t in found.tracks)


@pytest.mark.parametrize(
    ("cycles", "step", "share", "missing", "enough"),
    [
        ([0, 1, 2, 3, 4, 6, 7, 8, 9, 10], 1, 0.9, [5], 2),
        ([0, 2, 4, 8, 10], 2, 0.8, [6], 3),
        ([0, 2, 4, 6, 8, 9, 11, 13], 2, 1.0, [], 2),
        ([0, 2, 4, 6, 7, 8, 9, 10, 11], 1, 8 / 11, [1, 3, 5], 3),
        ([0, 3, 6, 9], 3, 1.0, [], 2),
        ([0, 2, 4, 5, 6, 8], 1, 5 / 8, [1, 3, 7], 4),
        ([0, 5, 10, 15, 16, 28, 33, 36], 1, 5 / 26, [], 18),
        ([-100, -99, -98, 0, 1, 2, 3], 1, 1.0, [], 2),
    ],
    ids=[
        "one missing",
        "every 24 days",
        "plan moved by a cycle",
        "plan made denser",
        "every 36 days",
        "too few agree",
        "now and then",
        "long ago",
    ],
)
def test_the_step_and_share_of_a_cadence(
    cycles: list[int], step: int, share: float, missing: list[int], enough: int
) -> None:
    passes = feed(*cycles)
    line = only(audit(passes, passes[-1].start + DAY))
    assert (line.feed, line.step, line.enough) == (Feed.ALIVE, step, enough)
    assert line.share == pytest.approx(share)
    assert [round((e.at - T0) / CYCLES[S1]) for e in line.missing] == missing
    assert (line.next is None) == (share < 0.5)


def test_a_feed_full_of_holes_is_silent_later() -> None:
    """So late that chance explains it less than once in forty times."""
    passes = feed(*[c for c in range(30) if c % 10 not in {3, 6, 9}])  # 19 of 27 gaps' passes
    line = only(audit(passes, passes[-1].start + DAY))
    assert line.share is not None
    assert (1 - line.share) ** line.enough <= 1 / 40 < (1 - line.share) ** (line.enough - 1)
    due = passes[-1].start + line.enough * CYCLES[S1]
    assert only(audit(passes, due + 0.9 * DAY)).feed is Feed.ALIVE
    assert only(audit(passes, due + DAY)).feed is Feed.SILENT
    assert line.due == due


def test_a_track_that_comes_now_and_then_is_asked_for_when_it_is_silent() -> None:
    passes = feed(0, 5, 10, 15, 16, 28, 33, 36)
    last = passes[-1].start
    quiet, late = last + 10 * CYCLES[S1], last + 19 * CYCLES[S1]
    assert misses(passes, Interval(start=T0, end=quiet), quiet) == []
    (one,) = misses(passes, Interval(start=late - 30 * DAY, end=late), late)
    assert one.at == last + 18 * CYCLES[S1]
    assert misses(passes, Interval(start=T0, end=last - DAY), late) == []


def test_of_a_regular_track_only_the_passes_themselves_are_asked_for() -> None:
    passes = feed(*range(10))
    last = passes[-1].start
    assert misses(passes, Interval(start=last, end=last + 11 * DAY), last + 40 * DAY) == []
    assert len(misses(passes, Interval(start=last, end=last + 13 * DAY), last + 40 * DAY)) == 1


def test_a_track_long_silent_has_ended_and_is_not_asked_for() -> None:
    passes = feed(*range(10))
    last = passes[-1].start
    found = audit(passes, last + 24 * DAY + 93 * DAY)
    line = only(found)
    assert (line.feed, line.missing, line.next, line.silent_since) == (Feed.ENDED, (), None, None)
    assert found.silent == {S1: last}, "but the sensor is silent as long as no track gives passes"
    assert "none is expected any more" in found.silences[0].text


# platforms and orbits come and go


def test_a_platform_lost_is_told_while_the_other_goes_on() -> None:
    lost = feed(*range(10), platform="sentinel-1b", t0=T0 + 6 * DAY)
    passes = feed(*range(20)) + lost
    found = audit(passes, T0 + 150 * DAY)
    assert [(t.platform, t.feed) for t in found.tracks] == [
        ("sentinel-1a", Feed.ALIVE),
        ("sentinel-1b", Feed.SILENT),
    ]
    assert found.silent == {}
    (said,) = found.silences
    assert said.subject == "s1-021d-vv sentinel-1b"
    assert said.since == lost[-1].start
    assert "sentinel-1b: no pass since 2025-04-25 03:35 UTC" in said.text
    assert CANNOT_TELL in said.text
    assert "quiet" not in said.text, "the other platform still looks"


def test_a_satellite_moved_along_its_orbit_starts_anew() -> None:
    before, moved = feed(*range(10)), feed(*range(10, 20), t0=T0 + 5 * DAY)
    one = only(audit(before + moved[:1], moved[0].start + DAY))
    assert (one.last, one.feed) == (before[-1].start, Feed.ALIVE), "a single one may be a slip of the catalogue"
    two = only(audit(before + moved[:2], moved[1].start + 30 * DAY))
    assert (two.seen, two.feed, two.missing) == (2, Feed.UNKNOWN, ())
    all_ = only(audit(before + moved, moved[-1].start + DAY))
    assert (all_.seen, all_.feed, all_.missing) == (10, Feed.ALIVE, ())


def test_a_pass_of_a_wrong_orbit_number_disturbs_nothing() -> None:
    slip = Flown(T0 + 100 * DAY)
    passes = feed(*range(20))
    as_of = passes[-1].start + 13 * DAY
    assert only(audit([*passes, slip], as_of)) == only(audit(passes, as_of))
    newest = Flown(as_of - 3 * DAY)
    assert only(audit([*passes, newest], as_of)) == only(audit(passes, as_of))


def test_orbits_that_are_not_stated_are_told_apart_by_their_time() -> None:
    unknown = replace(VV21, relative_orbit=None, direction=Direction.UNKNOWN)
    passes = feed(*range(10), track=unknown) + feed(*range(6), track=unknown, t0=T0 + 5.5 * DAY)
    found = audit(passes, T0 + 110 * DAY)
    assert sorted((t.seen, t.feed) for t in found.tracks) == [(6, Feed.SILENT), (10, Feed.ALIVE)]
    assert found.silent == {}


# a whole sensor


def test_a_sensor_is_silent_when_all_its_tracks_miss_passes() -> None:
    """Sooner than each track by itself: with two tracks, one missed pass each is as good as two in a row."""
    passes = feed(*range(10)) + feed(*range(10), track=VV87, t0=T0 + 5 * DAY)
    last = passes[-1].start
    assert audit(passes, last + 12 * DAY).silent == {}
    found = audit(passes, last + 13 * DAY)
    assert found.silent == {S1: last}
    assert [t.feed for t in found.tracks] == [Feed.ALIVE, Feed.ALIVE]
    assert [s.subject for s in found.silences] == ["sentinel-1"]
    assert "2 were expected" in found.silences[0].text
    other = feed(*range(14), track=MSI, platform="sentinel-2a")
    assert audit(passes + other, last + 13 * DAY).silent == {S1: last}, "other sensors do not speak for it"


def test_a_sensor_with_a_new_track_is_not_silent() -> None:
    passes = feed(*range(10))
    as_of = passes[-1].start + 40 * DAY
    assert audit(passes, as_of).silent == {S1: passes[-1].start}
    assert audit([*passes, Flown(as_of - DAY, VV87)], as_of).silent == {}
    assert audit([*passes, Flown(as_of - 26 * DAY, VV87)], as_of).silent == {S1: as_of - 26 * DAY}


def test_what_is_to_come_is_not_looked_at() -> None:
    passes = feed(*range(20))
    as_of = passes[9].start + 13 * DAY
    assert audit(passes[:10], as_of) == audit([*passes[:10], *passes[11:]], as_of)
    assert looks_a_month(passes, as_of) == looks_a_month(passes[:10] + passes[10:11], as_of)


# how many looks a month


@given(st.integers(1, 3), st.integers(20, 40), st.floats(0, 1))
def test_the_rate_is_that_of_the_last_ninety_days(step: int, count: int, part: float) -> None:
    passes = feed(*range(0, step * count, step))
    as_of = passes[-1].start + part * step * 12 * DAY
    rate = looks_a_month(passes, as_of)
    assert rate[S1] == pytest.approx(365.25 / 12 / (12 * step), abs=365.25 / 12 / 90)
    assert rate[S2] is None, "never seen: unknown, not none"


def test_a_short_past_gives_a_rate_of_its_own_and_a_shorter_one_none() -> None:
    passes = feed(0, 1, 2)
    assert looks_a_month(passes, T0 + 30 * DAY)[S1] == pytest.approx(2 / 30 * 365.25 / 12)
    assert looks_a_month(passes, T0 + 23 * DAY)[S1] is None
    assert looks_a_month([], T0) == {S1: None, S2: None}
    assert looks_a_month(passes, T0 + 200 * DAY)[S1] == 0


# three years over a port


@pytest.fixture
def port(latakia: Path) -> list[Pass]:
    outline = shapely.box(35.0, 35.0, 37.0, 36.5)
    everywhere = Aoi(id="x", name="x", outline=outline, zones=(whole(outline),))
    years = Interval(start=datetime(2020, 1, 1, tzinfo=UTC), end=datetime(2030, 1, 1, tzinfo=UTC))
    return by_pass(FolderSource(latakia).search(everywhere, years))


def days(found: Audit, track: str) -> list[str]:
    return [f"{e.at:%Y-%m-%d}" for e in found.missing if e.track.id == track]


def feeds(found: Audit) -> dict[str, Feed]:
    return {t.track.id: t.feed for t in found.tracks}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_real_passes_lie_whole_cycles_apart(port: list[Pass]) -> None:
    assert len(port) == 209
    for line in audit(port, at("2024-12-30")).tracks:
        own = [p.start for p in port if p.track == line.track]
        assert line.seen == len(own), "one orbit, each cycle once"
        off = [abs((s - own[0]) / CYCLES[S1] - round((s - own[0]) / CYCLES[S1])) * CYCLES[S1] for s in own]
        assert max(off) < timedelta(minutes=1)


def test_what_is_missing_from_the_real_passes(port: list[Pass]) -> None:
    found = audit(port, at("2024-12-30"))
    assert set(feeds(found).values()) == {Feed.ALIVE}
    assert found.silent == {}
    assert {t.track.id: (t.seen, t.step, t.regular) for t in found.tracks} == {
        "s1-014a-vv": (78, 1, True),
        "s1-021d-vv": (21, 1, False),
        "s1-087a-vv": (85, 1, True),
        "s1-094d-vv": (25, 1, False),
    }
    assert days(found, "s1-087a-vv") == ["2024-02-09", "2024-08-31", "2024-12-17"]
    assert days(found, "s1-014a-vv") == [
        "2024-04-04", "2024-06-15", "2024-06-27", "2024-09-19", "2024-10-01", "2024-10-13", "2024-11-30", "2024-12-24",
    ]  # fmt: skip
    assert days(found, "s1-021d-vv") == days(found, "s1-094d-vv") == [], "those come now and then only"
    assert {t.track.id: t.next and f"{t.next:%m-%d %H:%M}" for t in found.tracks} == {
        "s1-014a-vv": "01-05 15:34",
        "s1-021d-vv": None,
        "s1-087a-vv": "01-10 15:41",
        "s1-094d-vv": None,
    }
    starts = [p.start for p in port if p.track.relative_orbit in {14, 87}]
    assert all(min(abs(e.at - s) for s in starts if s.hour == e.at.hour) > DAY / 2 for e in found.missing)
    (year,) = (t for t in found.tracks if t.track.id == "s1-087a-vv")
    own = [p.start for p in port if p.track == year.track and p.start > year.last - (RECENT + 0.5) * CYCLES[S1]]
    assert len(own) + len(year.missing) == round((own[-1] - own[0]) / CYCLES[S1]) + 1, "each cycle came or is missing"


def test_a_summer_without_one_track_is_told_and_ends(port: list[Pass]) -> None:
    def on(day: str) -> Audit:
        return audit([p for p in port if p.start < at(day)], at(day))

    assert feeds(on("2024-06-28"))["s1-014a-vv"] is Feed.ALIVE
    july = on("2024-07-01")
    assert feeds(july)["s1-014a-vv"] is Feed.SILENT
    assert july.silent == {}
    assert [s.subject for s in july.silences] == ["s1-014a-vv sentinel-1a"]
    assert "no pass since 2024-06-03 15:34 UTC" in july.silences[0].text
    assert feeds(on("2024-07-10"))["s1-014a-vv"] is Feed.ALIVE


def test_at_the_end_of_the_data_the_feed_is_silent_and_not_quiet(port: list[Pass]) -> None:
    last = datetime(2024, 12, 29, 15, 41, 48, tzinfo=UTC)
    assert audit(port, at("2025-01-11")).silent == {}
    assert audit(port, at("2025-01-12")).silent == {S1: last}
    assert audit(port, at("2027-01-12")).silent == {S1: last}
    assert set(feeds(audit(port, at("2027-01-12"))).values()) == {Feed.ENDED}


def test_a_look_back_over_the_real_passes_tells_what_to_ask_for(port: list[Pass]) -> None:
    as_of = at("2024-12-30")
    span = Interval(start=as_of - 31 * DAY, end=as_of)
    asked = misses(port, span, as_of)
    assert [f"{e.at:%m-%d} {e.track.id}" for e in asked] == ["11-30 s1-014a-vv", "12-17 s1-087a-vv", "12-24 s1-014a-vv"]
    assert str(asked[1]) == "S1 orbit 87 ascending VV, sentinel-1a, 2024-12-17 15:41 UTC"
    more: list[Overflight] = [*port, *(Flown(e.at, e.track, e.platform) for e in asked)]
    assert misses(more, span, as_of) == [], "another source had them"


def test_the_real_rate(port: list[Pass]) -> None:
    rate = looks_a_month(port, at("2024-12-30"))[S1]
    assert rate is not None
    assert math.isclose(rate, sum(p.start > at("2024-10-01") for p in port) / 90 * 365.25 / 12)
    assert 5 < rate < 7
