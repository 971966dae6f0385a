"""Ships in small radar images with VOC boxes, uncalibrated and of unknown pixel size.

A detection counts if its centre, weighted by brightness, lies in a box; detections and boxes are paired one to one, as
many as can be, so a second detection in a box is a false alarm. Overlap is not asked for: the boxes are drawn with
margins of unlike width, some around the upper half of a ship only. Ships that the labellers passed over count as false
alarms.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import optimize

from benchmarks.accuracy import scores
from monitor.grid import Grid
from monitor.radiometry import LinearPower
from monitor.vessels import alone
from monitor.vessels.hulls import Vessel, measured

KINDS = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff"))
"""Image formats."""

SENSORS = {"sen": "sentinel-1", "gao": "gaofen-3"}
"""By the first three letters of the file name, as the SAR-Ship-Dataset names its chips."""

RANGE_DB = 8.0
"""Ships are clipped at 255 in 8-bit images: what stays this far below them is no ship of the same kind."""

ZOOM = 3
"""Pixels a side, of a pixel in the drawings."""

Box = tuple[float, float, float, float]
"""First row, first column, last row, last column, pixels from 0; the centres of the outermost pixels."""


@dataclass(frozen=True, kw_only=True)
class Chip:
    """An image with its boxes."""

    name: str
    sensor: str
    grey: NDArray[np.uint8]
    ships: list[Box]


@dataclass(frozen=True, kw_only=True)
class Matched:
    """What was found in a chip."""

    chip: Chip
    found: list[Vessel]
    hits: list[bool]
    """For each found vessel: True if it has a box."""


def figures(folder: Path, drawn: Path | None) -> dict[str, Any] | None:
    """Precision, recall and F1 of the Sentinel-1 chips (of all where there is none), of all, and by sensor.

    None if the folder holds no image with a VOC file of the same name. `drawn`: folder for a picture of each chip.
    """
    matched = [_matched(chip) for chip in chips(folder)]
    if not matched:
        return None
    if drawn is not None:
        drawn.mkdir(parents=True, exist_ok=True)
        for one in matched:
            _picture(one).save(drawn / f"{one.chip.name}.png")
    by_sensor = {
        sensor: _scored(m for m in matched if m.chip.sensor == sensor)
        for sensor in sorted({m.chip.sensor for m in matched})
    }
    everything = _scored(matched)
    return by_sensor.get(SENSORS["sen"], everything) | {"all": everything, "by_sensor": by_sensor}


def chips(folder: Path) -> list[Chip]:
    """The labelled images of a folder, by name."""
    images = {p.stem: p for p in sorted(folder.iterdir()) if p.suffix.lower() in KINDS}
    found = []
    for labels in sorted(p for p in folder.iterdir() if p.suffix.lower() == ".xml" and p.stem in images):
        if (ships := boxes(labels)) is not None:
            with Image.open(images[labels.stem]) as image:
                grey = np.asarray(image.convert("L"))
            sensor = SENSORS.get(labels.stem[:3].lower(), "other")
            found.append(Chip(name=labels.stem, sensor=sensor, grey=grey, ships=ships))
    return found


def boxes(labels: Path) -> list[Box] | None:
    """The boxes of a VOC file, which counts pixels from 1; None if it is another kind of file."""
    try:
        root = ET.parse(labels).getroot()  # noqa: S314 - labels on one's own disk, and expat limits entities
    except ET.ParseError:
        return None
    if root.tag != "annotation":
        return None
    found = []
    for box in root.iterfind("object/bndbox"):
        left, upper, right, lower = (float(box.findtext(side, "nan")) - 1 for side in ("xmin", "ymin", "xmax", "ymax"))
        found.append((upper, left, lower, right))
    return found


def power(grey: NDArray[np.uint8]) -> LinearPower:
    """Power of 8-bit grey levels, which show amplitude: its square, and a unit for the step of the levels.

    Without that unit a sea that was clipped to black would have no level and any grey above it an endless contrast.
    """
    return LinearPower(grey.astype(np.float32) ** 2 + 1)


def _matched(chip: Chip) -> Matched:
    grid = Grid(epsg=32631, left=0, top=0, resolution=1, height=chip.grey.shape[0], width=chip.grey.shape[1])
    found = [measured(patch, grid) for patch in alone.found(power(chip.grey), range_db=RANGE_DB)]
    inside = np.array([[b[0] <= v.row <= b[2] and b[1] <= v.column <= b[3] for b in chip.ships] for v in found], bool)
    inside = inside.reshape(len(found), len(chip.ships))
    paired = np.zeros(len(found), bool)
    vessels, ships = optimize.linear_sum_assignment(inside, maximize=True)
    paired[vessels] = inside[vessels, ships]
    return Matched(chip=chip, found=found, hits=paired.tolist())


def _scored(matched: Iterable[Matched]) -> dict[str, Any]:
    every = list(matched)
    ships = sum(len(m.chip.ships) for m in every)
    hits, found = sum(sum(m.hits) for m in every), sum(len(m.found) for m in every)
    return scores.of_objects(hits, found - hits, ships - hits) | {"ships": ships, "chips": len(every)}


def _picture(matched: Matched) -> Image.Image:
    """The chip, logarithmic; boxes green, hits yellow, false alarms red."""
    level = np.log(power(matched.chip.grey)) / np.log(256**2)
    image = Image.fromarray((255 * level).astype(np.uint8)).convert("RGB")
    image = image.resize((ZOOM * image.width, ZOOM * image.height), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    frames = [(box, "lime") for box in matched.chip.ships]
    for vessel, hit in zip(matched.found, matched.hits, strict=True):
        row0, column0, row1, column1 = vessel.box
        frames.append(((row0, column0, row1 - 1, column1 - 1), "yellow" if hit else "red"))
    for (upper, left, lower, right), colour in frames:
        draw.rectangle((ZOOM * left, ZOOM * upper, ZOOM * right + ZOOM - 1, ZOOM * lower + ZOOM - 1), outline=colour)
    return image
