"""The benchmark `faults` in short: ten days of four AOIs, one in each place, with 30 % of all requests failing.

What it simulates, and how it is judged, is written in benchmarks/faults. The whole of it: python -m benchmarks faults
"""

from __future__ import annotations

import pytest

from benchmarks.faults import simulate_month


# rasterio hides this warning while it warps, by filters that all threads share: a second thread may bring it out
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_every_look_arrives_once_and_right_and_is_booked_at_what_it_cost() -> None:
    figures, complaints = simulate_month(aois=4, days=10)
    assert figures["fault_share"] > 0.2, "without faults it shows nothing"
    assert figures["looks_expected"] > 20
    found = {name: figures[f"looks_{name}"] for name in ("once", "twice", "wrong")}
    assert found == {"once": figures["looks_expected"], "twice": 0, "wrong": 0}, "\n".join(complaints)
    assert figures["looks_called_unreadable"] <= 1, (
        "an old pass that the service denies twice is; damaged answers are not"
    )
    assert figures["aois_unsettled"] == 0, "each poll ought to leave less to do"
    assert figures["units_booked"] == pytest.approx(figures["units_forecast"], rel=0.01)
    assert figures["units_booked"] > figures["units_charged"] - 0.002, "a cap must not be passed unnoticed"
    assert figures["units_charged"] > 0.5
