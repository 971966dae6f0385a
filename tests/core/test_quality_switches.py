"""A new satellite or processor, and the step that may come with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from monitor.filters import multilook
from monitor.quality.switches import Maker, Part, Switch, step_at_switch, switches
from monitor.radiometry import Decibel, LinearPower, to_db


def makers(platforms: str, baselines: str = "") -> list[Maker]:
    """One letter a look; a dot: not stated."""
    versions = baselines or "." * len(platforms)
    return [Maker(platform=p.strip("."), baseline=b.strip(".")) for p, b in zip(platforms, versions, strict=True)]


@pytest.mark.parametrize(
    ("platforms", "found"),
    [
        ("", []),
        ("A", []),
        ("AAAA", []),
        ("....", []),
        ("AAACCC", [(3, "A", "C")]),
        ("ACACACAC", [(1, "A", "C")]),
        ("AAA..CC", [(5, "A", "C")]),
        (".A..A", []),
        ("AAAAAACAAAAAA", [(6, "A", "C")]),
        ("ABABABCCCCCCC", [(1, "A", "B"), (6, "B", "C")]),
        ("ACCCCCCA", [(1, "A", "C"), (7, "C", "A")]),
    ],
)
def test_platforms(platforms: str, found: list[tuple[int, str, str]]) -> None:
    assert switches(makers(platforms)) == [Switch(at=i, part=Part.PLATFORM, before=b, after=a) for i, b, a in found]


def test_both_parts_in_order() -> None:
    found = switches(makers("AAAACC", "334444"))
    assert [(s.at, s.part) for s in found] == [(2, Part.BASELINE), (4, Part.PLATFORM)]
    assert (Part.PLATFORM, Part.BASELINE) == ("satellite", "processor version")


def series(looks: int, step_db: float, seed: int, weather_db: float = 0.5) -> Decibel:
    rng = np.random.default_rng(seed)
    ground = np.random.default_rng(0).normal(-10, 3, 400)
    weather = rng.normal(0, weather_db, (looks, 1))
    return Decibel((ground + weather + step_db + rng.normal(0, 1.0, (looks, 400))).astype(np.float32))


@pytest.mark.parametrize("step_db", [-1.5, 0.0, 1.2])
def test_a_known_step_within_its_error(step_db: float) -> None:
    found = [step_at_switch(series(20, 0.0, s), series(15, step_db, s + 1000)) for s in range(300)]
    db, error = np.array([(f.db, f.error_db) for f in found if f is not None]).T
    assert db.mean() == pytest.approx(step_db, abs=0.06)
    assert error.mean() == pytest.approx(db.std(), rel=0.12)
    assert np.mean([f.certain for f in found if f is not None]) == pytest.approx(float(step_db != 0), abs=0.1)


def test_many_pixels_do_not_make_weather_a_step() -> None:
    """A wet spell after the switch moves every pixel alike."""
    found = step_at_switch(series(4, 0.0, 1, weather_db=2), series(4, 1.0, 2, weather_db=2))
    assert found is not None
    assert not found.certain


def test_too_few_looks_or_no_common_pixel() -> None:
    assert step_at_switch(series(2, 0, 1), series(9, 0, 2)) is None
    assert step_at_switch(series(9, 0, 1), series(2, 0, 2)) is None
    blind = Decibel(np.full((5, 400), np.nan, np.float32))
    assert step_at_switch(series(5, 0, 1), blind) is None


def test_pixels_that_one_look_missed_are_left_out() -> None:
    before, after = series(8, 0.0, 1), series(8, 2.0, 2)
    after[3, :100] = np.nan
    before[:, 100:120] = -60.0
    after[:, 100:120] = 0.0
    found = step_at_switch(before, after)
    assert found is not None
    assert found.db == pytest.approx(2.0, abs=0.5)


def test_two_real_satellites_agree(california: Path) -> None:
    """Sentinel-1A and -1B took turns over a suburb in the winter of 2021."""
    sides: dict[str, list[np.ndarray]] = {"S1A": [], "S1B": []}
    for path in sorted(california.glob("2021-*/*T137-292319-IW2*VV.tif")):
        with rasterio.open(path) as file:
            level = to_db(multilook(LinearPower(file.read(1))))
        sides["S1B" if "_S1B_" in path.name else "S1A"].append(level.ravel())
    found = step_at_switch(*(Decibel(np.array(side, np.float32)) for side in sides.values()))
    assert found is not None
    assert abs(found.db) < 0.5
    assert not found.certain
