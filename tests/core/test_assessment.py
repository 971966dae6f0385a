"""Claims judged: the numbers against independent ways to get them, the outcomes in their order, and the laws."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from monitor import assessment
from monitor.alert import Verdict
from monitor.aoi import ZoneKind
from monitor.assessment import (
    Assessment,
    Confidence,
    Doubt,
    Evidence,
    Finding,
    Judged,
    Observed,
    Outcome,
    Place,
    Seen,
    Use,
)
from monitor.assessment.exact import chance, power
from monitor.assessment.odds import FALSE_PRESENCE, LARGEST, LARGEST_OF_ALL
from monitor.assessment.rates import effect, pair, posterior
from monitor.assessment.sample import Sample, Taken, sample
from monitor.baseline import Family
from monitor.claim import (
    Claim,
    Credibility,
    Effect,
    EffectKind,
    Exclusion,
    Expectation,
    Fit,
    Frozen,
    Heading,
    Hypothesis,
    Item,
    Looks,
    Observability,
    Period,
    Probe,
    Reliability,
    Sight,
    fingerprint,
)
from monitor.measurement import Reason
from monitor.times import Interval, utc

OPENS = utc("2025-10-01")
WINDOW = Interval(start=OPENS, end=utc("2026-02-06"))
TROUGH = Period(name="recent trough", interval=Interval(start=utc("2025-06-01"), end=OPENS))
SEASON = Period(name="a year before", interval=Interval(start=utc("2024-10-01"), end=utc("2025-02-06")))
AFTER = utc("2026-03-01")
ZONE, CONTROL = "rajin.berths", "zarubino.berths"

EXPECTATION = Expectation(
    id="E1",
    measure="ship_presence",
    zone=ZONE,
    sensors=("S1", "S2"),
    window=WINDOW,
    baselines=(TROUGH,),
    direction=Heading.UP,
    min_effect=Effect(kind=EffectKind.RATE_RATIO, value=1.5),
    min_looks=Looks(window=8, baseline=8),
    weight=1.0,
)


def claim(*expectations: Expectation, **more: Any) -> Claim:
    values: dict[str, Any] = {
        "id": "surge",
        "document": "paper",
        "text": "Activity has surged.",
        "said_by": "A firm",
        "said_on": date(2026, 2, 6),
        "about": WINDOW,
        "aois": ("rajin",),
        "reliability": Reliability.B,
        "credibility": Credibility.POSSIBLY_TRUE,
        "observability": Observability.TESTABLE,
        "against": "No more ships.",
        "expectations": expectations or (EXPECTATION,),
    }
    return Claim(**values | more)


def looks(
    period: Interval, values: Iterable[float | None], track: str = "s1-087a-vv", apart: float = 3.0
) -> list[Observed]:
    """One look every `apart` days from the start of the period on."""
    return [
        Observed(
            look=f"{track}-{period.start:%Y%m%d}-{n}",
            track=track,
            sensor=track[:2].upper(),
            at=period.start + timedelta(days=apart * n, hours=1),
            value=value,
            reason="" if value is not None else str(Reason.CLOUD),
        )
        for n, value in enumerate(values)
    ]


def presence(hits: int, of: int, seed: int = 0) -> list[float]:
    """So many looks with a ship, in an order that has no rhythm."""
    values = np.array([1.0] * hits + [0.0] * (of - hits))
    return [float(v) for v in np.random.default_rng([seed, hits, of]).permutation(values)]


def evidence(own: Sequence[Observed], control: Sequence[Observed] = (), measure: str = "ship_presence") -> Evidence:
    places = {name: Place(kind=ZoneKind.BERTH_WATER, uncertainty_m=20.0) for name in (ZONE, CONTROL)}
    return Evidence(looks={(ZONE, measure): tuple(own), (CONTROL, measure): tuple(control)}, places=places)


def beforehand(of: Claim) -> list[Frozen]:
    return [
        Frozen(claim=of.id, expectation=e.id, sha256=fingerprint(of, e), at=OPENS - timedelta(days=9))
        for e in of.expectations
    ]


def judged(seen: Evidence, of: Claim | None = None, as_of: datetime = AFTER, *, frozen: bool = True) -> Assessment:
    of = of or claim()
    return assessment.assess(of, seen, beforehand(of) if frozen else [], as_of)


def one(told: Assessment) -> Judged:
    (only,) = told.judged
    return only


STRONG = [*looks(TROUGH.interval, presence(6, 40)), *looks(WINDOW, presence(30, 42))]
"""0.15 before, 0.71 in the window."""

EQUAL = [*looks(TROUGH.interval, presence(18, 40)), *looks(WINDOW, presence(18, 42))]


# ---------------------------------------------------------------- numbers


def taken(window: Mapping[str, Sequence[float]], base: Mapping[str, Sequence[float]]) -> Sample:
    def of(period: Interval, tracks: Mapping[str, Sequence[float]]) -> list[Taken]:
        return [
            Taken(observed=x, use=Use.COUNTED) for track, values in tracks.items() for x in looks(period, values, track)
        ]

    return Sample(window=of(WINDOW, window), base=of(TROUGH.interval, base))


@given(st.integers(0, 12), st.integers(1, 12), st.integers(0, 12), st.integers(1, 12))
def test_p_of_one_track_is_that_of_fishers_exact_test(k1: int, n1: int, k0: int, n0: int) -> None:
    k1, k0 = min(k1, n1), min(k0, n0)
    found = taken({"s1": presence(k1, n1)}, {"s1": presence(k0, n0)})
    table = np.array([[k1, n1 - k1], [k0, n0 - k0]])
    more, less = stats.fisher_exact(table, "greater").pvalue, stats.fisher_exact(table, "less").pvalue
    assert chance(found, Family.PRESENCE, up=True) == pytest.approx(more, rel=1e-6)
    assert chance(found, Family.PRESENCE, up=False) == pytest.approx(less, rel=1e-6)


def test_p_of_two_tracks_is_that_of_every_way_to_deal_the_looks() -> None:
    window, base = {"s1": [1, 1, 0, 1], "s2": [1, 0, 1]}, {"s1": [0, 1, 0], "s2": [0, 0, 1, 0]}
    found = taken(window, base)
    deals = [list(itertools.combinations(range(len(window[t]) + len(base[t])), len(window[t]))) for t in ("s1", "s2")]
    both = {t: [*window[t], *base[t]] for t in window}
    hits = [sum(both["s1"][i] for i in a) + sum(both["s2"][i] for i in b) for a, b in itertools.product(*deals)]
    seen = sum(window["s1"]) + sum(window["s2"])
    exact = sum(h >= seen for h in hits) / len(hits)
    assert chance(found, Family.PRESENCE, up=True) == pytest.approx(exact, rel=1e-8)


def test_p_of_counts_is_near_that_of_every_way_to_deal_them() -> None:
    window, base = [5.0, 7.0, 4.0, 9.0, 6.0], [3.0, 2.0, 5.0, 4.0, 1.0]
    found = taken({"s1": window}, {"s1": base})
    both = [*window, *base]
    sums = [sum(both[i] for i in chosen) for chosen in itertools.combinations(range(10), 5)]
    exact = sum(s >= sum(window) for s in sums) / len(sums)
    assert chance(found, Family.COUNT, up=True) == pytest.approx(exact, abs=0.006)
    assert chance(found, Family.COUNT, up=False) == pytest.approx(1.0, abs=0.006)


def test_the_interval_of_a_ratio_is_that_of_drawing_from_both_posteriors() -> None:
    rates = pair(taken({"s1": presence(14, 33)}, {"s1": presence(6, 31)}), Family.PRESENCE)
    assert rates is not None
    n1, n0 = rates.window.effective, rates.base.effective
    lots = np.random.default_rng(1)
    k1, k0 = 14 / 33 * n1, 6 / 31 * n0
    drawn = lots.beta(k1 + 0.5, n1 - k1 + 0.5, 400_000) / lots.beta(k0 + 0.5, n0 - k0 + 0.5, 400_000)
    expected = np.quantile(drawn, [0.5, 0.05, 0.95])
    assert list(effect(rates, EffectKind.RATE_RATIO)) == pytest.approx(list(expected), rel=0.02)


def test_the_interval_of_a_mean_is_students() -> None:
    window, base = [3.1, 2.9, 3.6, 3.3, 2.8, 3.4], [2.0, 2.4, 2.1, 1.9, 2.2]
    rates = pair(taken({"s1": window}, {"s1": base}), Family.SHARE)
    assert rates is not None
    values = posterior(rates.window, Family.SHARE)
    half = stats.t.ppf(0.95, 5) * np.std(window, ddof=1) / math.sqrt(rates.window.effective)
    assert np.quantile(values, 0.95) == pytest.approx(np.mean(window) + half, rel=0.02)
    assert rates.window.effective == pytest.approx(6 / rates.dependence)


def test_rates_of_tracks_are_joined_with_the_weights_of_mantel_and_haenszel() -> None:
    # a track that sees more ships and was flown mostly in the window: pooled, it looks like a rise
    window = {"s1": presence(2, 10), "s2": presence(24, 30)}
    base = {"s1": presence(6, 30), "s2": presence(8, 10)}
    rates = pair(taken(window, base), Family.PRESENCE)
    assert rates is not None
    weights = [10 * 30 / 40, 30 * 10 / 40]
    assert rates.window.mean == pytest.approx((weights[0] * 0.2 + weights[1] * 0.8) / sum(weights))
    assert rates.window.mean == pytest.approx(rates.base.mean)


@settings(max_examples=40)
@given(st.integers(6, 30), st.integers(6, 30), st.floats(0.05, 0.6), st.floats(1.2, 3.0))
def test_power_is_the_share_of_simulated_tests_that_find_it(n1: int, n0: int, rate: float, ratio: float) -> None:
    hits = round(rate * n0)
    found = taken({"s1": presence(0, n1)}, {"s1": presence(hits, n0)})
    rates = pair(found, Family.PRESENCE)
    assert rates is not None
    rates = replace(
        rates, window=replace(rates.window, effective=float(n1)), base=replace(rates.base, effective=float(n0))
    )
    told = power(rates, Effect(kind=EffectKind.RATE_RATIO, value=ratio), up=True)
    usual = (hits + 0.5) / (n0 + 1)
    lots = np.random.default_rng(7)
    k1, k0 = lots.binomial(n1, min(1.0, usual * ratio), 4_000), lots.binomial(n0, usual, 4_000)
    p = stats.hypergeom.sf(k1 - 1, n1 + n0, k1 + k0, n1)
    assert told.at_effect == pytest.approx(float(np.mean(p <= 0.05)), abs=0.04)


def test_the_ratios_of_looks_multiply_to_that_of_the_window() -> None:
    told = one(judged(evidence(STRONG)))
    (compared,) = told.comparisons
    product = math.exp(sum(w.log_odds for w in compared.weights))
    found = sample(STRONG, EXPECTATION, TROUGH, 2.0)
    rates = pair(found, Family.PRESENCE)
    assert rates is not None
    usual = posterior(rates.base, Family.PRESENCE)
    false = np.minimum(usual, FALSE_PRESENCE)
    moved = np.minimum(1.0, false + 1.5 * (usual - false))
    hits, misses = (sum(t.observed.value == v for t in found.window if t.counted) for v in (1.0, 0.0))
    share = 1 / rates.dependence
    kept = (usual**hits * (1 - usual) ** misses) ** share
    changed = (moved**hits * np.clip(1 - moved, 1e-6, 1) ** misses) ** share
    assert product == pytest.approx(changed.mean() / kept.mean(), rel=1e-6)


# ---------------------------------------------------------------- which looks count


def test_looks_that_do_not_count_are_told_with_their_reason_and_weigh_exactly_nothing() -> None:
    window = [
        *looks(WINDOW, presence(20, 30)),
        *looks(Interval(start=OPENS + timedelta(hours=20), end=WINDOW.end), presence(9, 12)),  # the day after others
        *looks(WINDOW, [None] * 5, "s2-031d", 5.0),
        *looks(WINDOW, presence(4, 4), "s1-160d-vv", 20.0),  # a track that the baseline has not
    ]
    told = one(judged(evidence([*looks(TROUGH.interval, presence(8, 30)), *window])))
    (compared,) = told.comparisons
    uses = {w.use for w in compared.weights}
    assert uses == {Use.COUNTED, Use.TOO_NEAR, Use.UNUSABLE, Use.ALONE}
    assert all(w.log_odds == 0.0 for w in compared.weights if w.use is not Use.COUNTED)
    assert compared.window.counted == sum(w.use is Use.COUNTED for w in compared.weights)
    assert compared.window.unused[str(Reason.CLOUD)] == 5
    assert compared.window.unused[str(Use.ALONE)] == 4
    assert compared.window.every == len(window)


def test_after_snow_two_looks_of_the_track_are_left_out() -> None:
    snow = looks(WINDOW, [1.0, None, 1.0, 1.0, 1.0], "s2-031d", 4.0)
    snow[1] = replace(snow[1], reason=str(Reason.SNOW))
    base = looks(TROUGH.interval, [0.0] * 5, "s2-031d")
    given_ = replace(EXPECTATION, exclude=(Exclusion.AFTER_SNOW,))
    found = sample([*snow, *base], given_, TROUGH, 2.0)
    assert [t.use for t in found.window] == [Use.COUNTED, Use.UNUSABLE, Use.EXCLUDED, Use.EXCLUDED, Use.COUNTED]


def test_a_baseline_of_the_same_season_keeps_to_the_days_of_the_window() -> None:
    years = Period(name="winters", interval=Interval(start=utc("2021-01-01"), end=OPENS), same_season=True)
    own = looks(Interval(start=utc("2021-01-01"), end=OPENS), [0.0] * 400, apart=4.0)
    found = sample([*own, *looks(WINDOW, [0.0] * 30)], EXPECTATION, years, 0.0)
    months = {t.observed.at.month for t in found.base}
    assert months == {10, 11, 12, 1, 2}
    assert all(t.observed.at.day <= 5 for t in found.base if t.observed.at.month == 2)
    assert {t.observed.at.year for t in found.base} == {2021, 2022, 2023, 2024, 2025}


@given(st.lists(st.tuples(st.floats(0, 90), st.floats(0, 5)), min_size=2, max_size=30), st.floats(0, 9))
def test_whether_a_look_counts_does_not_depend_on_its_number(given_: list[tuple[float, float]], stay: float) -> None:
    def at(days: float, value: float) -> Observed:
        return Observed(
            look=f"{days}", track="s1", sensor="S1", at=TROUGH.interval.start + timedelta(days=2 * days), value=value
        )

    first = sample([at(d, v) for d, v in given_], EXPECTATION, TROUGH, stay)
    second = sample([at(d, 5 - v) for d, v in given_], EXPECTATION, TROUGH, stay)
    assert [t.use for t in first.base] == [t.use for t in second.base]


# ---------------------------------------------------------------- outcomes


def test_a_rise_beyond_chance_on_every_baseline_is_supported() -> None:
    told = judged(evidence(STRONG))
    assert told.outcome is Outcome.SUPPORTED
    assert one(told).against == ["recent trough"]
    assert told.likelihood is not None
    assert told.likelihood.value == pytest.approx(10 / 11, abs=0.001)  # capped


def test_a_rise_against_one_baseline_only_is_said_so() -> None:
    both = claim(replace(EXPECTATION, baselines=(TROUGH, SEASON)))
    told = judged(evidence([*STRONG, *looks(SEASON.interval, presence(29, 42))]), both)
    assert told.outcome is Outcome.PARTLY
    assert one(told).against == ["recent trough"]
    assert Doubt.BASELINES_DIFFER in told.doubts


def test_no_room_for_the_effect_is_contradicted() -> None:
    lull = [*looks(TROUGH.interval, presence(22, 40)), *looks(WINDOW, presence(17, 42))]
    told = judged(evidence(lull))
    assert told.outcome is Outcome.CONTRADICTED
    assert told.log_odds < 0


def test_too_few_looks_are_inconclusive_and_say_which_are_missing() -> None:
    told = judged(evidence([*looks(TROUGH.interval, presence(1, 20)), *looks(WINDOW, [1.0] * 7)]))
    assert told.outcome is Outcome.INCONCLUSIVE
    assert Doubt.FEW_LOOKS in told.doubts
    assert one(told).comparisons[0].window.counted == 7
    assert told.log_odds == 0.0
    assert told.likelihood is None


def test_no_look_at_all_is_inconclusive_not_contradicted() -> None:
    for own in ([], looks(TROUGH.interval, presence(9, 30)), looks(WINDOW, [None] * 40)):
        told = judged(evidence(own))
        assert told.outcome is Outcome.INCONCLUSIVE
        assert told.log_odds == 0.0


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({"observability": Observability.NOT_OBSERVABLE}, Doubt.UNSCORED),
        ({"expectations": (replace(EXPECTATION, measure="cropland_return"),)}, Doubt.NO_MEASURE),
        ({"expectations": (replace(EXPECTATION, measure="yard_fill"),)}, Doubt.NOT_THERE),
    ],
)
def test_what_cannot_be_observed_is_never_scored(change: dict[str, Any], doubt: Doubt) -> None:
    told = judged(evidence(STRONG), claim(**change))
    assert told.outcome is Outcome.NOT_OBSERVABLE
    assert doubt in told.doubts
    assert (told.log_odds, told.likelihood) == (0.0, None)
    assert not one(told).comparisons


def test_what_was_not_frozen_before_its_window_opened_is_not_supported() -> None:
    told = judged(evidence(STRONG), frozen=False)
    assert told.outcome is Outcome.INCONCLUSIVE
    assert Doubt.POST_HOC in told.doubts
    lull = [*looks(TROUGH.interval, presence(22, 40)), *looks(WINDOW, presence(17, 42))]
    assert judged(evidence(lull), frozen=False).outcome is Outcome.CONTRADICTED


def test_an_open_window_is_not_judged() -> None:
    told = judged(evidence(STRONG), as_of=WINDOW.end - timedelta(seconds=1))
    assert told.outcome is Outcome.INCONCLUSIVE
    assert one(told).doubts[0] is Doubt.WINDOW_OPEN
    assert told.log_odds == 0.0


def test_a_rise_that_the_control_shares_is_not_supported() -> None:
    of = claim(replace(EXPECTATION, controls=(CONTROL,)))
    shared = judged(evidence(STRONG, STRONG), of)
    assert shared.outcome is Outcome.INCONCLUSIVE
    assert {Doubt.CONTROL_MOVED, Doubt.CHANCE} & set(shared.doubts)
    assert one(shared).comparisons[0].shared is Verdict.SHARED
    quiet = [*looks(TROUGH.interval, presence(20, 40)), *looks(WINDOW, presence(21, 42))]
    assert judged(evidence(STRONG, quiet), of).outcome is Outcome.SUPPORTED


def test_a_control_without_looks_forbids_support() -> None:
    told = judged(evidence(STRONG, ()), claim(replace(EXPECTATION, controls=(CONTROL,))))
    assert told.outcome is Outcome.INCONCLUSIVE
    assert Doubt.CONTROL_UNSEEN in told.doubts


def test_not_down_is_supported_when_there_is_no_room_for_the_fall() -> None:
    steady = replace(EXPECTATION, direction=Heading.NOT_DOWN, min_effect=Effect(kind=EffectKind.RATE_RATIO, value=0.5))
    told = judged(evidence(EQUAL), claim(steady))
    assert told.outcome is Outcome.SUPPORTED
    fallen = [*looks(TROUGH.interval, presence(30, 40)), *looks(WINDOW, presence(8, 42))]
    gone = judged(evidence(fallen), claim(steady))
    assert gone.outcome is Outcome.CONTRADICTED
    assert gone.log_odds < 0 < told.log_odds


def test_an_indirect_claim_is_not_concluded_from_its_expectations() -> None:
    told = judged(evidence(STRONG), claim(observability=Observability.INDIRECT))
    assert one(told).outcome is Outcome.SUPPORTED
    assert (told.outcome, told.doubts) == (Outcome.INCONCLUSIVE, [Doubt.INDIRECT])


def test_expectations_that_say_opposite_things_conclude_nothing() -> None:
    fall = replace(EXPECTATION, id="E2", direction=Heading.DOWN, weight=0.3)
    fall = replace(fall, min_effect=Effect(kind=EffectKind.RATE_RATIO, value=0.6))
    told = judged(evidence(STRONG), claim(EXPECTATION, fall))
    assert {j.id: j.outcome for j in told.judged} == {"E1": Outcome.SUPPORTED, "E2": Outcome.CONTRADICTED}
    assert (told.outcome, told.doubts) == (Outcome.INCONCLUSIVE, [Doubt.EXPECTATIONS_DIFFER])


def test_holm_asks_more_of_each_of_many_expectations() -> None:
    weak = [*looks(TROUGH.interval, presence(11, 40)), *looks(WINDOW, presence(21, 42))]
    alone = judged(evidence(weak))
    assert one(alone).outcome is Outcome.SUPPORTED
    others = [replace(EXPECTATION, id=f"E{n}", zone="rajin.anchorage") for n in range(2, 8)]
    among = judged(evidence(weak), claim(EXPECTATION, *others)).judged[0]
    assert among.p_adjusted == pytest.approx(7 * among.p)
    assert (among.outcome, among.doubts[0]) == (Outcome.INCONCLUSIVE, Doubt.CHANCE)


def test_confidence_is_told_from_the_base_alone() -> None:
    controlled = claim(replace(EXPECTATION, controls=(CONTROL,)))
    quiet = [*looks(TROUGH.interval, presence(20, 40)), *looks(WINDOW, presence(21, 42))]
    high = judged(evidence(STRONG, quiet), controlled)
    assert high.confidence is Confidence.HIGH
    assert judged(evidence(EQUAL, quiet), controlled).confidence is Confidence.HIGH  # however it came out
    assert judged(evidence(STRONG, quiet), controlled, frozen=False).confidence is Confidence.MODERATE
    assert judged(evidence(looks(WINDOW, [1.0] * 5))).confidence is Confidence.LOW


# ---------------------------------------------------------------- rivals


def test_rivals_are_ranked_by_what_stands_against_them() -> None:
    of = claim(
        replace(EXPECTATION, baselines=(TROUGH, SEASON)),
        hypotheses=(Hypothesis(id="H1", text="rose"), Hypothesis(id="H3", text="only back to normal")),
        evidence=(
            Item(
                id="1",
                text="up against the trough",
                fits={"H1": Fit.CONSISTENT, "H3": Fit.CONSISTENT},
                test=Probe(expectation="E1", baseline="recent trough"),
            ),
            Item(
                id="2",
                text="up against the year before",
                fits={"H1": Fit.CONSISTENT, "H3": Fit.INCONSISTENT},
                test=Probe(expectation="E1", baseline="a year before"),
            ),
            Item(id="3", text="nobody looks for this", fits={"H1": Fit.INCONSISTENT}),
            Item(
                id="4",
                text="the controls moved",
                fits={"H1": Fit.INCONSISTENT},
                test=Probe(expectation="E1", sees=Sight.CONTROL_MOVED),
            ),
        ),
    )
    normal = judged(evidence([*STRONG, *looks(SEASON.interval, presence(38, 42))]), of).table
    assert normal is not None
    assert [r.seen for r in normal.rows] == [Seen.YES, Seen.NO, Seen.UNKNOWN, Seen.UNKNOWN]
    assert [(r.id, r.inconsistent) for r in normal.rivals] == [("H3", 0), ("H1", 1)]
    assert normal.hinges_on == ["2"]
    rose = judged(evidence([*STRONG, *looks(SEASON.interval, presence(6, 42))]), of).table
    assert rose is not None
    assert [r.id for r in rose.rivals] == ["H1", "H3"]


# ---------------------------------------------------------------- laws


@st.composite
def ports(draw: st.DrawFn) -> list[Observed]:
    """Looks of two tracks over both periods, some unusable; any rates."""
    out: list[Observed] = []
    for track in ("s1-087a-vv", "s2-031d"):
        for period in (TROUGH.interval, WINDOW):
            n, rate = draw(st.integers(0, 25)), draw(st.floats(0, 1))
            lots = np.random.default_rng(draw(st.integers(0, 10_000)))
            values = [None if lots.random() < 0.2 else float(lots.random() < rate) for _ in range(n)]
            out += looks(period, values, track, apart=draw(st.floats(1, 5)))
    return out


@settings(max_examples=60)
@given(ports())
def test_laws_of_every_judgment(own: list[Observed]) -> None:
    told = judged(evidence(own))
    only = one(told)
    (compared,) = only.comparisons
    assert abs(told.log_odds) <= LARGEST_OF_ALL + 1e-6
    assert abs(compared.log_odds) <= LARGEST + 1e-6
    assert 0 <= compared.p <= 1
    assert 0 <= compared.power <= 1
    assert compared.window.counted <= compared.window.usable <= compared.window.every
    if compared.effect is not None:
        assert compared.effect.low <= compared.effect.value <= compared.effect.high
        if told.outcome is Outcome.SUPPORTED:
            assert compared.effect.low > 1
            assert compared.effect.value >= 1.5
            assert compared.finding is Finding.SUPPORTS
        if told.outcome is Outcome.CONTRADICTED:
            assert compared.effect.high < 1.5
        if compared.effect.low <= 1 and compared.effect.high >= 1.5:  # room for both
            assert told.outcome is Outcome.INCONCLUSIVE
    assert assessment.assess(claim(), evidence(own[::-1]), beforehand(claim()), AFTER) == told


@settings(max_examples=60)
@given(ports(), st.integers(0, 2**32 - 1))
def test_unusable_looks_change_no_number(own: list[Observed], seed: int) -> None:
    lots = np.random.default_rng(seed)
    more = [
        replace(x, look=f"{x.look}-other", at=x.at + timedelta(hours=5), value=None, reason=str(Reason.CLOUD))
        for x in own
        if lots.random() < 0.5
    ]
    first, second = one(judged(evidence(own))), one(judged(evidence([*own, *more])))
    assert first.outcome is second.outcome
    assert (first.p, first.log_odds) == (second.p, second.log_odds)
    assert first.comparisons[0].effect == second.comparisons[0].effect


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([STRONG, EQUAL[:40] + looks(WINDOW, presence(9, 42))]), st.integers(0, 2**32 - 1))
def test_looks_removed_at_random_never_turn_a_judgment_into_its_opposite(own: list[Observed], seed: int) -> None:
    lots = np.random.default_rng(seed)
    whole = judged(evidence(own)).outcome
    assert whole in {Outcome.SUPPORTED, Outcome.CONTRADICTED}
    opposite = Outcome.CONTRADICTED if whole is Outcome.SUPPORTED else Outcome.SUPPORTED
    order = lots.permutation(len(own))
    outcomes = [
        judged(evidence([own[i] for i in sorted(order[: round(len(own) * share)])])).outcome
        for share in (0.75, 0.5, 0.25, 0.1, 0.0)
    ]
    assert opposite not in outcomes
    assert outcomes[-2:] == [Outcome.INCONCLUSIVE] * 2
