"""What else could look like a change: found where it is, and worth what the change loses without it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.alert import Circumstance, Nuisance, NuisanceKind, brightness, nuisances
from monitor.measurement import Reason

ONSET = datetime(2024, 10, 4, tzinfo=UTC)


def look(day: int, value: float = 4.0, **changed: Any) -> Circumstance:
    made = Circumstance(
        track="a",
        at=ONSET + timedelta(days=day),
        value=value,
        usual=1.0,
        water=0.0,
        land=0.0,
        platform="sentinel-1a",
        processor="003.10",
    )
    return replace(made, **changed)


OWN = [look(6 * i) for i in range(10)]
EARLIER = [look(-6 * i, 1.0) for i in range(150, 0, -1)]


def told(own: list[Circumstance], kind: NuisanceKind, *, water: bool = True, **changed: Any) -> Nuisance:
    earlier = changed.pop("earlier", EARLIER)
    found = nuisances(own, earlier, water=water, baseline_looks=150, **changed)
    return next(n for n in found if n.kind is kind)


def test_where_there_is_none_every_one_is_looked_for_and_none_found() -> None:
    for water in (True, False):
        found = nuisances(OWN, EARLIER, water=water, baseline_looks=150)
        assert [n.share_of_looks for n in found] == [0.0] * len(found)
        assert not any(n.found for n in found)
    kinds = {n.kind for water in (True, False) for n in nuisances(OWN, EARLIER, water=water, baseline_looks=150)}
    assert kinds == set(NuisanceKind)


def test_wind_that_brings_it_all_could_explain_it_all() -> None:
    own = [look(6 * i, 4.0 if i < 5 else 1.0, water=3.0 if i < 5 else 0.0) for i in range(10)]
    wind = told(own, NuisanceKind.WIND)
    assert (wind.share_of_looks, wind.could_explain) == (0.5, 1.0)
    assert "5 of 10 looks" in wind.text


def test_wind_on_looks_like_the_others_explains_nothing() -> None:
    own = [look(6 * i, water=3.0 if i < 5 else 0.0) for i in range(10)]
    assert told(own, NuisanceKind.WIND).could_explain == 0.0


def test_half_the_change_is_half_explained() -> None:
    own = [
        look(6 * i, 4.0 if i < 5 else 2.0, reasons=frozenset({Reason.ROUGH_SEA} if i < 5 else ())) for i in range(10)
    ]
    assert told(own, NuisanceKind.WIND).could_explain == pytest.approx(0.5)  # 2 above usual with them, 1 without


def test_where_all_looks_are_touched_it_cannot_be_told() -> None:
    wind = told([look(6 * i, water=3.0) for i in range(10)], NuisanceKind.WIND)
    assert (wind.share_of_looks, wind.could_explain) == (1.0, None)


def test_without_reference_zones_the_weather_is_not_known() -> None:
    own = [replace(c, water=None, land=None) for c in OWN]
    assert told(own, NuisanceKind.WIND).share_of_looks is None
    assert told(own, NuisanceKind.RAIN, water=False).share_of_looks is None


def test_ice_and_snow_stay_for_days_and_a_shifted_look_does_not() -> None:
    own = [
        look(6 * i, near=frozenset({Reason.ICE, Reason.SNOW, Reason.MISREGISTERED} if i < 2 else ())) for i in range(10)
    ]
    assert told(own, NuisanceKind.ICE).share_of_looks == 0.2
    assert told(own, NuisanceKind.SNOW, water=False).share_of_looks == 0.2
    assert told(own, NuisanceKind.REGISTRATION).share_of_looks == 0.0
    beside = [replace(c, reasons=frozenset({Reason.MISREGISTERED})) for c in OWN[:3]]
    assert told([*beside, *OWN[3:]], NuisanceKind.REGISTRATION).share_of_looks == 0.3


def test_wet_ground_is_bright_and_wet_snow_dark() -> None:
    own = [look(6 * i, land={0: 2.5, 1: -2.5}.get(i, 0.0)) for i in range(10)]
    assert told(own, NuisanceKind.RAIN, water=False).share_of_looks == 0.1
    assert told(own, NuisanceKind.SNOW, water=False).share_of_looks == 0.1


def test_another_satellite_or_processor_is_new_on_its_track_only() -> None:
    own = [look(6 * i, platform="sentinel-1c" if i > 6 else "sentinel-1a") for i in range(10)]
    switched = told(own, NuisanceKind.SWITCH)
    assert switched.share_of_looks == 0.3
    assert "sentinel-1c" in switched.text
    earlier = [*EARLIER[:-1], replace(EARLIER[-1], platform="sentinel-1c")]
    assert told(own, NuisanceKind.SWITCH, earlier=earlier).share_of_looks == 0.0
    assert told([replace(c, processor="004.00") for c in OWN], NuisanceKind.SWITCH).could_explain is None
    young = [replace(c, track="b") for c in EARLIER[:5]]
    assert (
        told([replace(c, track="b", platform="new") for c in OWN], NuisanceKind.SWITCH, earlier=young).share_of_looks
        == 0
    )
    unknown = [replace(c, platform="", processor="") for c in OWN]
    assert told(unknown, NuisanceKind.SWITCH).share_of_looks is None


def test_few_looks_are_told_by_the_one_that_is_farthest_off() -> None:
    few = told([look(0, 1.0), look(6, 1.0), look(12, 1.0), look(18, 9.0)], NuisanceKind.FEW_LOOKS)
    assert few.could_explain == 1.0
    assert "4 looks" in few.text
    one = told([look(0, 9.0)], NuisanceKind.FEW_LOOKS)
    assert (one.found, one.could_explain) == (True, None)
    assert "1 look" in one.text


def test_a_first_autumn_may_be_like_every_autumn() -> None:
    season = told(OWN, NuisanceKind.SEASON, earlier=EARLIER[-40:])  # since February
    assert season.found
    assert season.could_explain is None
    assert "8 months" in season.text
    last_year = [look(-365 + 6 * i, 4.0) for i in range(-3, 8)]
    again = told(OWN, NuisanceKind.SEASON, earlier=[*last_year, *EARLIER[-40:]])
    assert again.could_explain == 1.0
    quiet = told(OWN, NuisanceKind.SEASON, earlier=[replace(c, value=1.0) for c in last_year] + EARLIER[-40:])
    assert quiet.could_explain == 0.0
    assert not told(OWN, NuisanceKind.SEASON).found


def test_brightness_is_told_against_the_looks_before_on_the_same_track() -> None:
    levels = [(f"a{i}", "a", ONSET - timedelta(days=6 * i), -15.0 + (-1) ** i) for i in range(1, 21)]
    levels += [(f"b{i}", "b", ONSET - timedelta(days=6 * i), -20.0) for i in range(1, 5)]
    found = brightness([*levels, ("new", "a", ONSET, -12.0), ("other", "b", ONSET, -12.0)], ONSET)
    assert found["new"] == pytest.approx(3.0 / 1.4826)
    assert "other" not in found, "too few looks before on its track"
    assert all(abs(found[f"a{i}"]) < 1 for i in range(1, 21))
