"""The state of the sea: simulated water, and a trained eye's words for 34 real looks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage, stats

from monitor.measurement import Reason
from monitor.quality.sea_state import SeaKind, SeaState, can_freeze, hides_ships, sea_state
from monitor.radiometry import LinearPower

SHAPE = (300, 300)
EVERYWHERE = np.ones(SHAPE, bool)


def water(level_db: float, spread: float = 0.0, grain: float = 8.0, looks: float = 4.4, seed: int = 1) -> LinearPower:
    """Sea with patches of that spread of ln(power), `grain` pixels in size."""
    rng = np.random.default_rng(seed)
    patches = ndimage.gaussian_filter(rng.normal(size=SHAPE), grain, mode="wrap")
    mean = 10 ** (level_db / 10) * np.exp(spread * patches / patches.std())
    return LinearPower((mean * rng.gamma(looks, 1 / looks, SHAPE)).astype(np.float32))


@pytest.mark.parametrize(
    ("level_db", "kind"), [(-24, SeaKind.CALM), (-20, SeaKind.CALM), (-16, SeaKind.MODERATE), (-11, SeaKind.ROUGH)]
)
@pytest.mark.parametrize("looks", [1.0, 4.4, 40.0])
def test_an_even_sea(level_db: float, kind: SeaKind, looks: float) -> None:
    state = sea_state(water(level_db + 10 * np.log10(1.6) / looks**0.5, looks=looks), EVERYWHERE)
    assert state is not None
    assert state.texture < 0.15, "speckle is no texture"
    if looks >= 4:
        assert state.kind is kind


@pytest.mark.parametrize("spread", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("looks", [4.4, 40.0])
def test_texture_is_the_spread_of_the_patches(spread: float, looks: float) -> None:
    state = sea_state(water(-15, spread, looks=looks), EVERYWHERE)
    assert state is not None
    assert state.texture == pytest.approx(spread, rel=0.25)


def test_floes_and_leads() -> None:
    """Floes of 300 m, 6 dB brighter than the leads between them."""
    rng = np.random.default_rng(3)
    floes = ndimage.gaussian_filter(rng.normal(size=SHAPE), 10, mode="wrap") > 0
    state = sea_state(LinearPower(np.where(floes, water(-13), water(-19)).astype(np.float32)), EVERYWHERE)
    assert state is not None
    assert state.kind is SeaKind.ICE_LIKE


def test_ships_are_no_texture() -> None:
    power = water(-18)
    for row in range(20, 280, 40):
        power[row : row + 3, 100:112] = 1.0
    state, without = sea_state(power, EVERYWHERE), sea_state(water(-18), EVERYWHERE)
    assert state is not None
    assert without is not None
    assert state.texture == pytest.approx(without.texture, abs=0.05)


def test_only_seen_water_counts() -> None:
    power = water(-18)
    power[:, 150:] = np.nan
    assert sea_state(power, EVERYWHERE) is not None
    power[:, :150] = np.nan
    assert sea_state(power, EVERYWHERE) is None
    assert sea_state(water(-18), ~EVERYWHERE) is None
    small = ~EVERYWHERE
    small[:40, :40] = True
    state = sea_state(water(-18), small)
    assert state is not None
    assert np.isnan(state.texture)
    assert state.kind is SeaKind.CALM


QUIET = [0.10, 0.12, 0.11, 0.13, 0.10, 0.12, 0.11, 0.14]
LEVELS = [-18.0, -20.0, -16.0, -19.0, -17.0, -18.5, -21.0, -15.5]


def state(level_db: float, texture: float, kind: SeaKind = SeaKind.MODERATE) -> SeaState:
    return SeaState(level_db=level_db, texture=texture, kind=kind)


@pytest.mark.parametrize(
    ("seen", "freezing", "reason"),
    [
        (state(-18, 0.12), True, None),
        (state(-12, 0.12), True, None),
        (state(-7.5, 0.12, SeaKind.ROUGH), False, Reason.ROUGH_SEA),
        (state(-7.5, 0.5, SeaKind.ICE_LIKE), False, Reason.ROUGH_SEA),
        (state(-7.5, 0.5, SeaKind.ICE_LIKE), True, Reason.ICE),
        (state(-15, 0.5, SeaKind.ICE_LIKE), True, Reason.ICE),
        (state(-15, 0.5, SeaKind.ICE_LIKE), False, None),
        (state(-19, 0.30), True, None),  # uneven, but no brighter than usual: slicks
        (state(-7.9, 0.30), True, Reason.ICE),
        (state(-15, float("nan")), True, None),
    ],
)
def test_what_hides_ships(seen: SeaState, freezing: bool, reason: Reason | None) -> None:
    assert hides_ships(seen, LEVELS, QUIET, freezing=freezing) is reason


def test_a_young_track_says_nothing_of_ice() -> None:
    ice = state(-12, 0.6, SeaKind.ICE_LIKE)
    assert hides_ships(ice, LEVELS[:5], QUIET[:5], freezing=True) is None
    assert hides_ships(ice, LEVELS, QUIET, freezing=True) is Reason.ICE


@given(st.floats(-90, 90), st.integers(1, 12))
def test_the_seasons_are_mirrored(latitude: float, month: int) -> None:
    assert can_freeze(latitude, month) == can_freeze(-latitude, (month + 5) % 12 + 1) or latitude == 0


@pytest.mark.parametrize(
    ("place", "latitude", "month", "can"),
    [
        ("Vostochny in January", 42.7, 1, True),
        ("Vostochny in July", 42.7, 7, False),
        ("Latakia in January", 35.5, 1, False),
        ("Murmansk in October", 69.0, 10, True),
        ("Singapore in January", 1.3, 1, False),
        ("Ushuaia in July", -54.8, 7, True),
        ("Ushuaia in January", -54.8, 1, False),
    ],
)
def test_where_there_can_be_ice(place: str, latitude: float, month: int, can: bool) -> None:
    assert can_freeze(latitude, month) == can, place


WORDS = {"very calm": 0, "calm": 1, "slight": 2, "moderate": 3, "fresh": 4, "squally": 4, "rough": 5}


def test_the_words_of_an_observer(latakia: Path) -> None:
    """34 looks of four tracks; the observer saw pictures, not numbers. Never ice: the port is at 35 N."""
    scenes = json.loads((latakia / "labels.json").read_text())["scenes"]
    words, levels, textures, kinds = [], [], [], []
    for name, scene in scenes.items():
        with rasterio.open(next(latakia.glob(f"*{Path(name).stem}*.tif"))) as file:
            window = ((300, 900), (60, 420))  # the roadstead, no land
            seen, dn = file.dataset_mask(window=window) > 0, file.read(1, window=window)
        power = LinearPower(np.where(seen, 10 ** (dn * 0.01 - 2.7), np.nan).astype(np.float32))
        found = sea_state(power, np.ones(power.shape, bool))
        assert found is not None
        words.append(scene["sea"])
        levels.append(found.level_db)
        textures.append(found.texture)
        kinds.append(found.kind)
    ranks = [WORDS[word.split(",")[0].strip()] for word in words]
    assert len(words) == 34
    assert stats.spearmanr(ranks, levels).statistic > 0.9
    for word, rank, kind in zip(words, ranks, kinds, strict=True):
        assert kind is not SeaKind.ICE_LIKE, word
        if rank <= 1:
            assert kind is SeaKind.CALM, word
        if rank == 5:
            assert kind is SeaKind.ROUGH, word
    patchy = [any(w in word for w in ("patchy", "cells", "squally")) for word in words]
    assert stats.mannwhitneyu(*(np.array(textures)[np.array(patchy) == p] for p in (True, False))).pvalue < 0.01
