"""Scoring of ship chips: what is read from the files, what counts as a hit, and the figures of the real chips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import real_data
from numpy.typing import NDArray
from PIL import Image

from benchmarks.accuracy import ship_chips

Box = tuple[int, int, int, int]
SIDE = 96
SHIPS: tuple[Box, ...] = ((20, 30, 44, 38), (60, 50, 84, 58))
"""xmin, ymin, xmax, ymax as VOC has them: from 1, the last pixel included."""


def sea_with(ships: Sequence[Box]) -> NDArray[np.uint8]:
    """Grey levels of a sea with speckle and ships that fill their boxes."""
    grey = np.random.default_rng(2).rayleigh(12, (SIDE, SIDE))
    for left, upper, right, lower in ships:
        grey[upper - 1 : lower, left - 1 : right] = 240
    return np.clip(grey, 0, 255).astype(np.uint8)


def voc(boxes: Sequence[Box]) -> str:
    sides = ("xmin", "ymin", "xmax", "ymax")
    objects = "".join(
        "<object><name>ship</name><bndbox>"
        + "".join(f"<{side}>{value}</{side}>" for side, value in zip(sides, box, strict=True))
        + "</bndbox></object>"
        for box in boxes
    )
    return f"<annotation verified='no'><filename>elsewhere</filename>{objects}</annotation>"


def write(folder: Path, name: str, ships: Sequence[Box], boxes: Sequence[Box], ending: str = ".png") -> None:
    Image.fromarray(sea_with(ships)).save(folder / f"{name}{ending}")
    (folder / f"{name}.xml").write_text(voc(boxes))


def test_the_figures_of_a_sensor_stand_on_top_and_all_below(tmp_path: Path) -> None:
    far = (5, 80, 25, 88)
    write(tmp_path, "Sen_ship_vv_1", SHIPS, SHIPS)
    write(tmp_path, "Gao_ship_hh_2", SHIPS, [*SHIPS, far], ending=".bmp")
    write(tmp_path, "ship03", SHIPS, SHIPS[:1], ending=".jpg")
    figures = ship_chips.figures(tmp_path, None)
    sentinel = {"precision": 1.0, "recall": 1.0, "f1": 1.0, "ships": 2, "chips": 1}
    gaofen = {"precision": 1.0, "recall": 0.6667, "f1": 0.8, "ships": 3, "chips": 1}
    other = {"precision": 0.5, "recall": 1.0, "f1": 0.6667, "ships": 1, "chips": 1}
    everything = {"precision": 0.8333, "recall": 0.8333, "f1": 0.8333, "ships": 6, "chips": 3}
    by_sensor = {"gaofen-3": gaofen, "other": other, "sentinel-1": sentinel}
    assert figures == sentinel | {"all": everything, "by_sensor": by_sensor}


def test_without_a_sentinel_chip_all_stand_on_top(tmp_path: Path) -> None:
    write(tmp_path, "Gao_ship_hh_2", SHIPS, SHIPS)
    write(tmp_path, "ship03", SHIPS, SHIPS)
    figures = ship_chips.figures(tmp_path, None)
    assert figures is not None
    assert figures["ships"] == figures["all"]["ships"] == 4
    assert set(figures["by_sensor"]) == {"gaofen-3", "other"}


@pytest.mark.parametrize(
    ("boxes", "precision", "recall"),
    [
        pytest.param([(20, 30, 44, 38)], 0.5, 1.0, id="the other is a false alarm"),
        pytest.param([(20, 30, 44, 38), (19, 29, 45, 39), (60, 50, 84, 58)], 1.0, 0.6667, id="a box each"),
        pytest.param([(10, 20, 90, 70), (20, 30, 44, 38)], 1.0, 1.0, id="as many as can be"),
        pytest.param([(20, 30, 44, 38), (10, 20, 90, 70)], 1.0, 1.0, id="in whatever order"),
        pytest.param([(10, 20, 90, 70)], 0.5, 1.0, id="a box once"),
        pytest.param([(20, 30, 28, 38), (80, 50, 84, 58)], 0.0, 0.0, id="the centre decides"),
    ],
)
def test_a_hit_has_its_centre_in_a_box_of_its_own(
    tmp_path: Path, boxes: list[Box], precision: float, recall: float
) -> None:
    write(tmp_path, "Sen_1", SHIPS, boxes)
    figures = ship_chips.figures(tmp_path, None)
    assert figures is not None
    assert (figures["precision"], figures["recall"]) == (precision, recall)


def test_boxes_are_counted_from_1(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(voc([(1, 2, 3, 4)]))
    assert ship_chips.boxes(tmp_path / "a.xml") == [(1.0, 0.0, 3.0, 2.0)]


def test_a_chip_without_ships_counts_its_false_alarms(tmp_path: Path) -> None:
    write(tmp_path, "Sen_1", SHIPS, [])
    figures = ship_chips.figures(tmp_path, None)
    assert figures is not None
    assert (figures["precision"], figures["recall"], figures["ships"]) == (0.0, None, 0)


def test_a_folder_without_chips_is_no_set(tmp_path: Path) -> None:
    Image.fromarray(sea_with(SHIPS)).save(tmp_path / "alone.png")
    Image.fromarray(sea_with(SHIPS)).save(tmp_path / "other.png")
    (tmp_path / "other.xml").write_text("<metadata/>")
    (tmp_path / "without.xml").write_text(voc(SHIPS))
    Image.fromarray(sea_with(SHIPS)).save(tmp_path / "broken.png")
    (tmp_path / "broken.xml").write_text("<annotation><object>")
    assert ship_chips.figures(tmp_path, None) is None


def test_every_chip_is_drawn(tmp_path: Path) -> None:
    write(tmp_path, "Sen_1", SHIPS, SHIPS[:1])
    ship_chips.figures(tmp_path, tmp_path / "drawn" / "here")
    with Image.open(tmp_path / "drawn" / "here" / "Sen_1.png") as picture:
        colours = {colour for _, colour in picture.getcolors(maxcolors=10_000) or []}
    assert picture.size == (SIDE * ship_chips.ZOOM, SIDE * ship_chips.ZOOM)
    assert {(255, 255, 0), (255, 0, 0)} <= colours


def test_grey_levels_are_amplitude() -> None:
    power = ship_chips.power(np.array([[0, 10, 200]], np.uint8))
    assert power.tolist() == [[1.0, 101.0, 40_001.0]]


def test_the_real_chips_reach_what_is_asked_for() -> None:
    """Recall 0.85 at precision 0.6 on Sentinel-1; a plain two-parameter CFAR has F1 0.586 over all chips."""
    figures = ship_chips.figures(real_data("ship-chips"), None)
    assert figures is not None
    assert (figures["ships"], figures["chips"], figures["all"]["ships"]) == (9, 4, 68)
    assert figures["recall"] >= 0.85
    assert figures["precision"] >= 0.6
    assert figures["all"]["f1"] >= 0.75
