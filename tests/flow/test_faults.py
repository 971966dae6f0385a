"""The benchmark `faults` in short: ten days of four AOIs, one in each place, with 30 % of all requests failing.

What it simulates, and how it is judged, is written in benchmarks/faults. The whole of it: python -m benchmarks faults
"""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.faults import simulate_month


@pytest.fixture(scope="module")
def outcome() -> tuple[dict[str, Any], list[str]]:
    return simulate_month(aois=4, days=10)


# rasterio hides this warning while it warps, by filters that all threads share: a second thread may bring it out
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def test_every_look_arrives_none_twice_and_none_wrong(outcome: tuple[dict[str, Any], list[str]]) -> None:
    figures, complaints = outcome
    assert figures["fault_share"] > 0.2, "a month without faults shows nothing"
    assert figures["looks_expected"] > 20
    wrong = {k: figures[k] for k in ("looks_once", "looks_twice", "looks_wrong")}
    assert wrong == {"looks_once": figures["looks_expected"], "looks_twice": 0, "looks_wrong": 0}, "\n".join(complaints)


def test_what_is_booked_is_what_was_forecast_and_charged(outcome: tuple[dict[str, Any], list[str]]) -> None:
    figures, _ = outcome
    assert figures["units_spoiled"] > 0, "answers that were charged and could not be used are booked as well"
    for name in ("units_forecast", "units_charged"):
        assert figures["units_booked"] == pytest.approx(figures[name], rel=0.01), name
