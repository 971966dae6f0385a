"""The benchmark of the life of changed ground: the real golden products, and folders of the same layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from conftest import real_data
from numpy.typing import NDArray

from benchmarks import confirm
from monitor.change.confirmation import Life, Rule, advance, begin, day_of

DATES = ("20230301", "20230308", "20230316", "20230322", "20230401", "20230509")
ALL = dict.fromkeys(confirm.LAYERS, 1.0)


def test_every_layer_of_the_chilean_fires_is_reproduced_on_every_date() -> None:
    figures = confirm.run(real_data("chile-fire"), None)
    assert figures["agreement"] == 1.0
    assert (figures["differing_pixels"], figures["pixels"], figures["dates"]) == (0, 400_000, 10)
    assert figures["by_layer"] == ALL
    assert len(figures["by_date"]) == 10
    for row in figures["by_date"].values():
        assert row == {"agreement": 1.0, "differing_pixels": 0} | ALL
    assert figures["parameters_not_in_tags"] == []
    assert figures["parameters"]["most_misses"] == 7


def test_with_the_defaults_of_the_package_it_is_not() -> None:
    """131 pixels: counted before, by somebody else's implementation of the same description."""
    figures = confirm.run(real_data("chile-fire"), None)
    assert figures["pixels_off_on_last_date_with_package_defaults"][confirm.STATUS] == 131


def tags_of(rule: Rule) -> dict[str, str]:
    return {
        "low_confidence_alert_threshold": str(rule.low),
        "high_confidence_alert_threshold": str(rule.high),
        "confirmation_confidence_threshold": str(rule.threshold),
        "no_day_limit": str(rule.days_without_hit),
        "exclude_consecutive_no_dist": str(int(not rule.two_misses_finish)),
        "percent_reset_thresh": str(rule.least_percent),
        "no_count_reset_thresh": str(rule.most_misses),
        "metric_value_upper_lim": str(rule.metric_cap),
        "confidence_upper_lim": str(rule.confidence_cap),
        "max_obs_num_year": str(rule.most_hits),
    }


def written(folder: Path, stamp: str, layers: Mapping[str, NDArray[Any]], tags: Mapping[str, str]) -> None:
    name = f"OPERA_L3_DIST-ALERT-S1_T01AAA_{stamp}T101112Z_20251007T174450Z_S1A_30_v0.1"
    place = folder / name
    place.mkdir(parents=True)
    for layer, values in layers.items():
        height, width = values.shape
        with rasterio.open(
            place / f"{name}_{layer}.tif", "w", driver="GTiff", height=height, width=width, count=1, dtype=values.dtype
        ) as file:
            file.write(values, 1)
            file.update_tags(**tags)


def layers_of(life: Life, metric: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    return {
        confirm.STATUS: life.status,
        confirm.COUNT: life.count,
        confirm.CONFIDENCE: life.confidence,
        confirm.FIRST_DAY: life.first_day,
        confirm.METRIC: metric,
    }


def folder_of(root: Path, rule: Rule, *, told: Mapping[str, str]) -> Path:
    """A series made with a rule, whose tags tell `told`; one date without coverage."""
    rng = np.random.default_rng(4)
    life = None
    for i, stamp in enumerate(DATES):
        metric = (rng.gamma(2.0, 1.5, (12, 15)) + rng.choice([0, 6], (12, 15))).astype(np.float32)
        metric[rng.random(metric.shape) < (1.0 if i == 3 else 0.1)] = np.nan
        day = day_of(date.fromisoformat(stamp))
        if life is None:
            hit = metric >= rule.low
            life = begin(
                status=np.where(np.isnan(metric), 255, hit).astype(np.uint8),
                count=np.where(np.isnan(metric), 255, hit).astype(np.uint8),
                confidence=np.where(hit | np.isnan(metric), metric, 0).astype(np.float32),
                first_day=np.where(np.isnan(metric), -1, hit * day).astype(np.int16),
                metric=metric,
                day=day,
            )
            given = layers_of(life, metric)
        else:
            life = advance(life, metric, day, rule)
            given = {confirm.METRIC: metric}
        written(root / confirm.GIVEN, stamp, given, {})
        written(root / confirm.EXPECTED, stamp, layers_of(life, metric), told)
    return root


OTHER = Rule(
    low=3.0, high=6.0, threshold=None, days_without_hit=20, two_misses_finish=True, least_percent=40, most_misses=3,
    metric_cap=8.0, confidence_cap=60.0, most_hits=4,
)  # fmt: skip


def test_parameters_are_those_of_the_tags(tmp_path: Path) -> None:
    assert confirm.rule_of(tags_of(OTHER)) == OTHER
    figures = confirm.run(folder_of(tmp_path, OTHER, told=tags_of(OTHER)), None)
    assert figures["agreement"] == 1.0
    assert (figures["pixels"], figures["parameters"]["threshold"]) == (6 * 12 * 15, 27.0)


def test_without_tags_they_are_those_of_the_golden_products_and_it_says_so(tmp_path: Path) -> None:
    figures = confirm.run(folder_of(tmp_path / "a", confirm.rule_of({}), told={}), None)
    assert figures["agreement"] == 1.0
    assert figures["parameters_not_in_tags"] == sorted(confirm.GOLDEN)
    assert confirm.run(folder_of(tmp_path / "b", OTHER, told={}), None)["agreement"] < 1.0


def test_one_wrong_pixel_of_one_layer_is_counted_once(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, OTHER, told=tags_of(OTHER))
    (path,) = folder.glob(f"{confirm.EXPECTED}/*_{DATES[2]}T*/*_{confirm.COUNT}.tif")
    with rasterio.open(path, "r+") as file:
        values = file.read(1)
        values[5, 7] += 1
        file.write(values, 1)
    figures = confirm.run(folder, None)
    assert figures["differing_pixels"] == 1
    assert figures["agreement"] == 0.999074  # 1079 of 1080, cut
    assert figures["by_date"]["2023-03-16"] == {"agreement": 0.994444, "differing_pixels": 1} | ALL | {
        confirm.COUNT: 0.994444
    }
    assert figures["by_date"]["2023-03-22"]["agreement"] == 1.0
    assert figures["by_layer"] == ALL | {confirm.COUNT: 0.999074}


def test_no_data_against_a_number_differ(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, OTHER, told=tags_of(OTHER))
    (path,) = folder.glob(f"{confirm.EXPECTED}/*_{DATES[-1]}T*/*_{confirm.CONFIDENCE}.tif")
    with rasterio.open(path, "r+") as file:
        values = file.read(1)
        values[0, :2] = np.nan
        file.write(values, 1)
    assert confirm.run(folder, None)["differing_pixels"] == 2


def test_parameters_that_change_on_the_way_are_told_by_date(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, OTHER, told=tags_of(OTHER))
    (path,) = folder.glob(f"{confirm.EXPECTED}/*_{DATES[0]}T*/*_{confirm.STATUS}.tif")
    with rasterio.open(path, "r+") as file:
        file.update_tags(**tags_of(replace(OTHER, most_misses=5)))
    figures = confirm.run(folder, None)
    assert figures["parameters"]["2023-03-01"]["most_misses"] == 5
    assert figures["parameters"]["2023-03-08"]["most_misses"] == 3


def test_a_folder_of_another_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no products with \*_GEN-METRIC.tif in without-confirmation/"):
        confirm.run(tmp_path, None)
    written(tmp_path / confirm.GIVEN, DATES[0], {confirm.METRIC: np.zeros((2, 2), np.float32)}, {})
    with pytest.raises(SystemExit, match="only in one of without-confirmation/ and with-confirmation/: OPERA"):
        confirm.run(tmp_path, None)
    written(tmp_path / confirm.EXPECTED, DATES[0], {confirm.METRIC: np.zeros((2, 2), np.float32)}, {})
    with pytest.raises(SystemExit, match="0 files"):
        confirm.run(tmp_path, None)
    written(tmp_path / "b" / confirm.GIVEN, "2023", {confirm.METRIC: np.zeros((2, 2), np.float32)}, {})
    written(tmp_path / "b" / confirm.EXPECTED, "2023", {confirm.METRIC: np.zeros((2, 2), np.float32)}, {})
    with pytest.raises(SystemExit, match="no time like 20240123T232836Z"):
        confirm.run(tmp_path / "b", None)
