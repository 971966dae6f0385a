"""Change between two radar images: simulated pairs with known truth, what must not matter, and the two real pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import real_data
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from monitor.change import radar_pair
from monitor.change.radar_pair import PairChange, changed, densest_half
from monitor.grid import Mask

Image8 = NDArray[np.uint8]
SHAPE = (200, 220)


def field(rng: np.random.Generator, wide: float) -> NDArray[np.float64]:
    """Smooth noise of standard deviation 1."""
    rough = ndimage.gaussian_filter(rng.normal(size=SHAPE), wide)
    even: NDArray[np.float64] = rough / rough.std()
    return even


def pair(
    seed: int, looks: tuple[int, int] = (4, 4), db: float = 8.0, share: float = 0.05
) -> tuple[Image8, Image8, Mask]:
    """Before, after and truth: ground of several levels, blobs of change, another brightness, 8 bits."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(-18, -6, 9)[np.digitize(field(rng, 20), (-0.7, 0, 0.7)) * 2]
    score = field(rng, 6)
    truth: Mask = score > np.quantile(score, 1 - share)
    later = level + db * truth + 0.5 * field(rng, 10) + 1.5

    def seen(levels: NDArray[np.float64], n: int) -> Image8:
        amplitude = np.sqrt(10 ** (levels / 10) * rng.gamma(n, 1 / n, SHAPE))
        grey: Image8 = np.clip(np.round(amplitude / np.quantile(amplitude, 0.99) * 240), 0, 255).astype(np.uint8)
        return grey

    return seen(level, looks[0]), seen(later, looks[1]), truth


def kappa(said: Mask, truth: Mask) -> float:
    """Cohen (1960) from the four counts."""
    table = np.histogram2d(said.ravel(), truth.ravel(), bins=2, range=((0, 1), (0, 1)))[0] / truth.size
    chance = float((table.sum(axis=0) * table.sum(axis=1)).sum())
    return float((np.trace(table) - chance) / (1 - chance))


@pytest.mark.parametrize("looks", [(1, 4), (4, 4), (8, 8)])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("db", [8.0, -8.0])
def test_known_change_is_found_whatever_the_looks_and_however_small(
    looks: tuple[int, int], share: float, db: float
) -> None:
    made = []
    for seed in range(2):
        before, after, truth = pair(seed, looks, db, share)
        result = changed(before, after)
        made.append(kappa(result.changed, truth))
        right = result.brighter if db > 0 else result.darker
        assert abs(np.median(result.shift[~truth])) < 0.12  # the second image is 1.5 dB brighter
        assert right[truth].mean() > 0.5
        assert not (result.brighter & result.darker).any()
    assert np.mean(made) > 0.75


def test_where_nothing_changed_little_is_said() -> None:
    shares = [changed(*pair(seed, looks, 0.0)[:2]).changed.mean() for seed in range(2) for looks in ((1, 4), (4, 4))]
    assert np.mean(shares) < 0.02


def test_identical_images_are_alike() -> None:
    before, _, _ = pair(1)
    assert not changed(before, before).changed.any()


def test_the_order_of_the_images_turns_the_signs() -> None:
    before, after, _ = pair(2)
    forth, back = changed(before, after), changed(after, before)
    assert (forth.brighter != back.darker).mean() < 1e-3
    assert forth.threshold == pytest.approx(back.threshold, rel=0.02)


@settings(max_examples=8)
@given(st.floats(1e-4, 1e3), st.floats(1e-4, 1e3))
def test_units_and_brightness_do_not_matter(first: float, second: float) -> None:
    before, after, _ = pair(3)
    plain = changed(before, after)
    scaled = changed(before * np.float64(first), after * np.float64(second))
    assert (plain.changed != scaled.changed).mean() < 1e-3


def test_what_was_not_seen_is_not_judged_and_does_not_disturb_the_rest() -> None:
    before, after, truth = pair(4)
    holed = before.astype(np.float32)
    holed[:60] = np.nan
    made = changed(holed, after)
    assert np.isnan(made.score[:60]).all()
    assert not made.changed[:60].any()
    assert kappa(made.changed[62:], truth[62:]) > 0.8


def test_nothing_seen_gives_nothing() -> None:
    nothing = np.full(SHAPE, np.nan)
    made = changed(nothing, nothing)
    assert made.threshold == np.inf
    assert not made.changed.any()


@pytest.mark.parametrize("shape", [(3, 4), (20, 30, 3)])
def test_images_that_are_no_pair_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="on one grid"):
        changed(np.ones(shape), np.ones((20, 30) if len(shape) == 2 else shape))


def test_a_patch_needs_one_pixel_well_beyond_the_threshold() -> None:
    before, after, _ = pair(5)
    made = changed(before, after)
    labels, count = ndimage.label(made.score > made.threshold, np.ones((3, 3)))
    for i in range(1, count + 1):
        patch = labels == i
        sure = made.score[patch].max() > radar_pair.SURE * made.threshold
        assert made.changed[patch].all() if sure else not made.changed[patch].any()
    assert not made.changed[labels == 0].any()


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=60))
def test_the_densest_half_is_the_shortest_interval_that_holds_half(values: list[float]) -> None:
    middle, spread = densest_half(np.array(values))
    half = len(values) // 2
    ordered = sorted(values)
    widths = [ordered[i + half] - ordered[i] for i in range(len(values) - half)]
    assert spread * 1.349 == pytest.approx(min(widths), abs=1e-6)
    inside = sum(middle - min(widths) / 2 - 1e-6 <= v <= middle + min(widths) / 2 + 1e-6 for v in values)
    assert inside > half


def test_a_minority_moves_neither_the_middle_nor_the_spread() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(3, 0.5, 10_000)
    values[:3000] += 4
    middle, spread = densest_half(values)
    assert middle == pytest.approx(3, abs=0.2)
    assert spread == pytest.approx(0.5, rel=0.6)


def read(folder: Path, ending: str) -> NDArray[np.uint8]:
    with Image.open(next(folder.glob(f"*_{ending}.bmp"))) as image:
        values = np.asarray(image)
    return values[..., 0] if values.ndim == 3 else values


@pytest.mark.parametrize(("name", "least"), [("ottawa", 0.95), ("farmland", 0.85)])
def test_real_pairs(name: str, least: float) -> None:
    """One look against four, and four against four: one set of parameters."""
    folder = real_data("change-pairs") / name
    made: PairChange = changed(read(folder, "1"), read(folder, "2"))
    assert kappa(made.changed, read(folder, "gt") != 0) > least
