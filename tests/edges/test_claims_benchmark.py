"""The benchmark of claims in short: it can tell truths apart, and finds what it is there to find."""

from __future__ import annotations

from benchmarks import claims
from benchmarks.claims import Truth
from monitor.assessment import Outcome

RUNS = 8


def test_truths_are_told_apart_and_no_judgment_turns_into_its_opposite() -> None:
    told = {truth: [claims.one(truth, seed) for seed in range(RUNS)] for truth in Truth}
    found = claims.figures(told)
    assert found["opposite_after_removing_looks"] == 0
    assert found["scored_when_not_observable"] == 0
    assert found["inconclusive_when_powerless"] == 1.0
    outcomes = {truth: {r.assessed.outcome for r in some} for truth, some in told.items()}
    assert outcomes[Truth.NO_LOOKS] == {Outcome.INCONCLUSIVE}
    assert outcomes[Truth.UNOBSERVABLE] == {Outcome.NOT_OBSERVABLE}
    assert outcomes[Truth.TRUE] & {Outcome.SUPPORTED, Outcome.PARTLY}
    assert Outcome.CONTRADICTED in outcomes[Truth.FALSE]
    mean = {truth: sum(r.assessed.log_odds for r in some) for truth, some in told.items()}
    assert mean[Truth.TRUE] > mean[Truth.HALF] > mean[Truth.FALSE]
