"""IR-MAD against a textbook implementation in double precision, and its laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, stats

from monitor.change import irmad as module
from monitor.change.irmad import Result, irmad, mad

SIDE = 60
ALL = np.ones((SIDE, SIDE), bool)
PATCH = (slice(20, 30), slice(35, 50))


def pair(seed: int, bands: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """The same ground twice, noise on both, other units, and a patch that changed."""
    rng = np.random.default_rng(seed)
    ground = np.einsum("ij,jhw->ihw", rng.normal(size=(bands, bands)), rng.normal(size=(bands, SIDE, SIDE)))
    before = ground + rng.normal(0, 0.2, ground.shape)
    gain, shift = rng.uniform(0.5, 2, (bands, 1, 1)), rng.uniform(-3, 3, (bands, 1, 1))
    after = gain * (ground + rng.normal(0, 0.2, ground.shape)) + shift
    after[:, *PATCH] += rng.normal(0, 6, (bands, 1, 1))
    return before.astype(np.float32), after.astype(np.float32)


def textbook(before: np.ndarray, after: np.ndarray, rounds: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Nielsen (2007) step by step: chi-square and correlations by the generalised eigenproblem, all in float64.

    And the largest move of a correlation in the last round.
    """
    n = len(before)
    x, y = before.reshape(n, -1).astype(np.float64), after.reshape(n, -1).astype(np.float64)
    weights, old = np.ones(x.shape[1]), np.full(n, np.inf)
    for _ in range(rounds):
        mean = np.average(np.vstack([x, y]), axis=1, weights=weights)
        c = np.cov(np.vstack([x, y]), aweights=weights, ddof=0)
        c += np.diag(1e-6 * np.diag(c))  # the only thing that is not Nielsen's
        xx, xy, yy = c[:n, :n], c[:n, n:], c[n:, n:]
        squares, a = linalg.eigh(xy @ linalg.inv(yy) @ xy.T, xx)
        rho = np.sqrt(squares)
        b = linalg.inv(yy) @ xy.T @ a / rho
        variates = a.T @ (x - mean[:n, None]) - b.T @ (y - mean[n:, None])
        chi2 = (variates**2 / (2 * (1 - rho))[:, None]).sum(axis=0)
        weights, move, old = stats.chi2.sf(chi2, n), np.abs(rho - old).max(), rho
    return chi2.reshape(before.shape[1:]), rho, move


@pytest.mark.parametrize(("seed", "bands"), [(0, 1), (1, 3), (2, 4), (3, 6), (4, 10)])
def test_it_is_the_textbook_algorithm(seed: int, bands: int) -> None:
    before, after = pair(seed, bands)
    made = irmad(before, after, ALL)
    chi2, rho, move = textbook(before, after, made.iterations)
    assert move < 1.1e-3
    assert textbook(before, after, made.iterations - 1)[2] > 0.9e-3  # not a round too many
    np.testing.assert_allclose(made.correlations, rho, atol=2e-4)
    np.testing.assert_allclose(made.chi2, chi2, rtol=5e-3, atol=5e-3)
    np.testing.assert_allclose(made.weights, stats.chi2.sf(made.chi2, bands), atol=2e-6)


@pytest.fixture(scope="module")
def made() -> Result:
    return irmad(*pair(8), ALL)


def test_variates_add_up_and_are_ordered(made: Result) -> None:
    np.testing.assert_allclose((made.variates**2).sum(axis=0), made.chi2, rtol=1e-4)
    assert made.correlations == tuple(sorted(made.correlations))
    assert made.correlations[0] >= 0
    assert made.correlations[-1] <= 1


def test_the_changed_patch_has_no_weight(made: Result) -> None:
    assert np.median(made.weights[PATCH]) < 1e-6
    outside = np.ones(ALL.shape, bool)
    outside[PATCH] = False
    assert np.median(made.weights[outside]) > 0.01


@settings(max_examples=8)
@given(st.integers(0, 1000))
def test_units_of_the_bands_do_not_matter(seed: int) -> None:
    before, after = pair(5)
    rng = np.random.default_rng(seed)
    mix = np.linalg.qr(rng.normal(size=(4, 4)))[0] * rng.uniform(0.5, 2, 4)  # any regular mixture of bands
    shift = rng.uniform(-9, 9, (4, 1, 1))
    other = (np.einsum("ij,jhw->ihw", mix, after) + shift).astype(np.float32)
    mixed, plain = irmad(before, other, ALL).chi2, irmad(before, after, ALL).chi2
    off = np.abs(mixed - plain) / (1 + plain)
    # exact but for single precision and the ridge: 500 mixtures gave 0.2 % in the middle and 4 % at worst
    assert float(np.percentile(off, 50)) < 0.03
    assert float(off.max()) < 0.1


def test_the_two_dates_may_be_exchanged() -> None:
    before, after = pair(6)
    np.testing.assert_allclose(irmad(after, before, ALL).chi2, irmad(before, after, ALL).chi2, rtol=5e-3, atol=5e-3)


def test_holes_are_left_out_and_marked() -> None:
    before, after = pair(7)
    use = ALL.copy()
    use[:, :10] = False
    before[1, 40, 40] = np.nan
    after[0, 3, 50] = np.inf
    after[:, :, :10] = 1e6
    made = irmad(before, after, use)
    used = use.copy()
    used[40, 40] = used[3, 50] = False
    for image in (made.chi2, made.weights, *made.variates):
        assert (np.isfinite(image) == used).all()
    first, second = (np.where(used, image, 0)[:, :, 10:] for image in (before, after))
    cut = irmad(first, second, used[:, 10:])
    np.testing.assert_allclose(made.chi2[:, 10:], cut.chi2, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("what", ["constant", "copy", "same image"])
def test_degenerate_bands_do_no_harm(what: str) -> None:
    before, after = pair(9)
    if what == "same image":
        assert irmad(before, before, ALL).chi2.max() < 1
        return
    before[3], after[3] = (7.0, 7.0) if what == "constant" else (before[0], after[0])
    chi2 = irmad(before, after, ALL).chi2
    assert np.isfinite(chi2).all()
    assert np.median(chi2[PATCH]) > 20 * np.median(chi2)


def test_what_cannot_be_compared_is_refused() -> None:
    before, after = pair(0)
    few = np.zeros(ALL.shape, bool)
    few[:4, :4] = True
    with pytest.raises(ValueError, match="16 usable pixels are too few for 4 bands"):
        irmad(before, after, few)
    with pytest.raises(ValueError, match="too few"):
        mad(before, after, ALL, few)
    with pytest.raises(ValueError, match="cannot be compared"):
        irmad(before, after[:3], ALL)
    with pytest.raises(ValueError, match="cannot be compared"):
        irmad(before, after, ALL[1:])


def test_one_round_with_the_unchanged_pixels_given() -> None:
    before, after = pair(11)
    known = ALL.copy()
    known[PATCH] = False
    made = mad(before, after, ALL, known)
    alone = textbook_once(before, after, known)
    np.testing.assert_allclose(made.chi2, alone, rtol=5e-3, atol=5e-3)
    assert made.chi2[known].mean() == pytest.approx(4, rel=1e-3)  # as many degrees of freedom as bands


def textbook_once(before: np.ndarray, after: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mahalanobis distance of the difference of canonical variates, by scipy."""
    x, y = before.reshape(4, -1).astype(np.float64), after.reshape(4, -1).astype(np.float64)
    k = known.ravel()
    c = np.cov(np.vstack([x, y])[:, k], ddof=0)
    squares, a = linalg.eigh(c[:4, 4:] @ linalg.inv(c[4:, 4:]) @ c[4:, :4], c[:4, :4])
    b = linalg.inv(c[4:, 4:]) @ c[4:, :4] @ a / np.sqrt(squares)
    variates = a.T @ (x - x[:, k].mean(axis=1)[:, None]) - b.T @ (y - y[:, k].mean(axis=1)[:, None])
    return np.asarray((variates**2 / (2 * (1 - np.sqrt(squares)))[:, None]).sum(axis=0).reshape(known.shape))


@pytest.mark.parametrize("freedom", [1, 2, 5, 10, 13])
def test_the_table_of_weights_is_the_chi_square_law(freedom: int) -> None:
    chi2 = np.concatenate([np.linspace(0, 80, 5001), [1e6, np.inf]]).astype(np.float32)
    exact = stats.chi2.sf(chi2.astype(np.float64), freedom)
    np.testing.assert_allclose(module._Survival.of(freedom)(chi2), exact, atol=2e-6)
