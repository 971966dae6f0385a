"""Histories without change made of a place's own looks: what they keep and lose; changes planted into them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from monitor.alert import Kind, intervals, placebo
from monitor.alert.placebo import YEAR_DAYS, Block, Material, Planted
from monitor.baseline import Family, compared

MANY = 40_000


def material(years: float, *, step: float = 6.0, tracks: str = "ab", but: tuple[float, float] = (0.0, 0.0)) -> Material:
    """Looks of tracks that take turns; `but`: years from and to which nothing is usual."""
    days = np.arange(0.0, years * YEAR_DAYS, step)
    usual = (days < but[0] * YEAR_DAYS) | (days >= but[1] * YEAR_DAYS)
    return Material(days=days, tracks=tuple(tracks[i % len(tracks)] for i in range(len(days))), usual=usual)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# blocks


def test_a_block_is_three_correlation_times_within_its_bounds() -> None:
    assert placebo.block_days(20, 1000) == 60
    assert placebo.block_days(0, 1000) == 30
    assert placebo.block_days(90, 1000) == 250
    assert placebo.block_days(0, 100) == 25


@given(seed=st.integers(0, 1000), years=st.floats(0.5, 4.0), length=st.floats(20, 90))
def test_blocks_cover_the_history_once_and_come_from_within_it(seed: int, years: float, length: float) -> None:
    one = material(years)
    (chosen,) = placebo.blocks([one], length, rng(seed))
    holding = np.array([b.holds(one.days) for b in chosen])
    assert (holding.sum(axis=0) == 1).all()
    assert all(b.start == pytest.approx(a.start + a.length) for a, b in pairwise(chosen))
    assert all(0 <= b.source <= one.days[-1] - length + 1e-9 for b in chosen)


def off_season(block: Block) -> float:
    off = (block.source - block.start) % YEAR_DAYS
    return float(min(off, YEAR_DAYS - off))


def test_blocks_keep_their_season_where_two_years_are_known() -> None:
    known = [b for n in range(20) for b in placebo.blocks([material(3)], 40, rng(n))[0]]
    assert max(map(off_season, known)) <= placebo.SEASON_DAYS
    assert np.std([b.source - b.start for b in known]) > 200, "they come from other years too"
    short = [b for n in range(20) for b in placebo.blocks([material(1.5)], 40, rng(n))[0]]
    assert max(map(off_season, short)) > 120


def test_all_series_take_the_same_blocks_but_where_one_knows_too_little() -> None:
    whole, half = material(3), material(3, but=(1.0, 2.0))
    pairs = [(a, b) for n in range(20) for a, b in zip(*placebo.blocks([whole, half], 40, rng(n)), strict=True)]
    common = [a == b for a, b in pairs]
    assert 0.5 < np.mean(common) < 0.95
    within = [a.source > YEAR_DAYS and a.source + 40 < 2 * YEAR_DAYS for a, _ in pairs]
    assert not any(c for c, w in zip(common, within, strict=True) if w), "nothing is usual there"
    assert all(b.source < YEAR_DAYS or b.source + 40 > 2 * YEAR_DAYS for _, b in pairs)
    alike = placebo.blocks([whole, material(3)], 40, rng(1))
    assert alike[0] == alike[1]


# values


@given(seed=st.integers(0, 1000), years=st.floats(1.0, 3.0))
def test_values_come_from_usual_looks_of_the_same_track_none_twice_in_a_block(seed: int, years: float) -> None:
    one = material(years, tracks="aab", but=(0.5, 0.7))
    (chosen,) = placebo.blocks([one], 40, rng(seed))
    taken = placebo.drawn(one, chosen)
    assert one.usual[taken].all()
    assert [one.tracks[i] for i in taken] == list(one.tracks)
    for block in chosen:
        here = taken[block.holds(one.days)]
        assert len(set(here)) == len(here)


def test_a_block_that_is_not_moved_keeps_its_values() -> None:
    one = material(1)
    assert placebo.drawn(one, [Block(-10, -10, 400)]).tolist() == list(range(len(one.days)))


def test_within_a_block_looks_follow_each_other_as_they_did() -> None:
    one = material(2)
    taken = placebo.drawn(one, [Block(0, 120.0, 300), Block(300, 10.0, 500)])
    assert (np.diff(taken[:50]) == 1).all()
    assert taken[0] == 20


def test_a_track_without_usual_looks_takes_from_the_others_and_a_short_one_repeats_its_own() -> None:
    days = np.arange(0.0, 60.0, 6.0)
    tracks = ("a", "b") * 5
    bare = Material(days=days, tracks=tracks, usual=np.array([t == "a" for t in tracks]))
    assert {tracks[i] for i in placebo.drawn(bare, [Block(0, 0, 100)])} == {"a"}
    few = Material(
        days=days, tracks=tracks, usual=np.array([t == "a" or d < 10 for t, d in zip(tracks, days, strict=True)])
    )
    assert placebo.drawn(few, [Block(0, 0, 100)])[1::2].tolist() == [1] * 5


def test_placebos_hold_what_lasts_weeks_but_no_lasting_change() -> None:
    one, noise = material(6, tracks="a"), rng(3)
    kept = np.exp(-6.0 / 15.0)
    values = np.zeros(len(one.days))
    for i in range(1, len(values)):
        values[i] = kept * values[i - 1] + noise.normal(0, np.sqrt(1 - kept**2))
    values += np.where(one.days > 3 * YEAR_DAYS, 3.0, 0.0)
    alike, halves = [], []
    for n in range(60):
        (chosen,) = placebo.blocks([one], 60, rng(n))
        drawn = values[placebo.drawn(one, chosen)]
        inside = np.concatenate([drawn[b.holds(one.days)] - drawn[b.holds(one.days)].mean() for b in chosen])
        alike.append(float(np.corrcoef(inside[:-1], inside[1:])[0, 1]))
        halves.append(drawn[len(drawn) // 2 :].mean() - drawn[: len(drawn) // 2].mean())
    assert 0.3 < np.mean(alike) < kept, "what is taken off each block takes some of it"
    assert abs(np.mean(halves)) < 0.5, "the step of 3 is gone"


def test_what_is_usual_of_a_block_is_told_by_track() -> None:
    one = material(0.1, step=6.0)
    values = np.arange(float(len(one.days)))
    usual = placebo.usual_of_block(values, one, [Block(0, 0, 18), Block(18, 0, 100)])
    assert usual.tolist() == [1, 1, 1, 4, 5, 4, 5][: len(values)]


# planted changes


def test_counts_are_doubled_and_halved_look_by_look() -> None:
    values = rng(1).negative_binomial(2, 0.4, MANY).astype(float)
    usual = np.full(MANY, values.mean())
    more = placebo.changed(values, usual, Family.COUNT, Planted(kind=Kind.SURGE, ratio=2.0), rng(2))
    less = placebo.changed(values, usual, Family.COUNT, Planted(kind=Kind.LULL, ratio=0.5), rng(2))
    assert (more >= values).all()
    assert more.mean() == pytest.approx(2 * values.mean(), rel=0.02)
    assert ((less <= values) & (less == np.round(less))).all()
    assert less.mean() == pytest.approx(values.mean() / 2, rel=0.02)


@pytest.mark.parametrize("chance", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("ratio", [2.0, 0.5])
def test_presences_have_their_odds_changed(chance: float, ratio: float) -> None:
    values = (rng(1).random(MANY) < chance).astype(float)
    usual = np.full(MANY, chance)
    made = placebo.changed(values, usual, Family.PRESENCE, Planted(kind=Kind.SURGE, ratio=ratio), rng(2))
    assert set(made) <= {0.0, 1.0}
    assert made.mean() == pytest.approx(ratio * chance / (1 - chance + ratio * chance), abs=0.01)
    assert (made >= values).all() if ratio > 1 else (made <= values).all()


def test_areas_are_multiplied_and_shares_moved_as_compared() -> None:
    surge, lull = placebo.changes(Family.AMOUNT, 300.0, 5.0)
    assert (surge.kind, surge.ratio, lull.kind, lull.ratio) == (Kind.SURGE, 2.0, Kind.LULL, 0.5)
    areas = np.array([0.0, 100.0, 900.0])
    assert placebo.changed(areas, areas, Family.AMOUNT, lull, rng()).tolist() == [0, 50, 450]
    shares = np.array([0.2, 0.3, 0.4])
    surge, lull = placebo.changes(Family.SHARE, 0.3, 0.1)
    for plan, sign in ((surge, 1), (lull, -1)):
        made = placebo.changed(shares, shares, Family.SHARE, plan, rng())
        moved = [compared(b, Family.SHARE) - compared(a, Family.SHARE) for a, b in zip(shares, made, strict=True)]
        assert moved == pytest.approx([sign * 0.15] * 3)
        assert plan.ratio == pytest.approx(made[1] / 0.3)


def test_nothing_is_planted_into_decibels() -> None:
    assert placebo.changes(Family.LEVEL, -12.0, 1.0) == ()


# intervals


@given(events=st.integers(0, 500), years=st.floats(0.5, 400))
def test_the_rate_has_the_exact_poisson_interval(events: int, years: float) -> None:
    found = intervals.of_rate(events, years)
    low = stats.chi2.ppf(0.05, 2 * events) / 2 if events else 0.0
    assert found == pytest.approx((events / years, low / years, stats.chi2.ppf(0.95, 2 * events + 2) / 2 / years))


@given(tried=st.integers(1, 200), data=st.data())
def test_the_share_has_jeffreys_interval(tried: int, data: st.DataObject) -> None:
    found = data.draw(st.integers(0, tried))
    law = stats.beta(found + 0.5, tried - found + 0.5)
    low, high = law.ppf(0.05) if found else 0.0, law.ppf(0.95) if found < tried else 1.0
    assert intervals.of_share(found, tried) == pytest.approx((found / tried, low, high))
