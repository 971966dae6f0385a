"""Vessels in single Sentinel-2 images of ports, against ships outlined by hand.

| term | meaning |
|---|---|
| open water | nothing but water within 30 m of the label, or of the detection. Water is `open_water.wet` with all |
| | labelled ships filled in, whatever the detector made of it; less than 1,000 m2 (buoy, boat, speck) is no shore |
| match | one to one, the centre of the detection within 30 m of the outline, or its box over it |
| false alarm | a detection of 50 m or more that matches no label. Small craft are not labelled, so shorter ones that |
| | match none are counted apart as `unlabelled_small` (`precision_any_length` has them); all labels count |
| length | of a label as of a detection: sqrt(12) standard deviations of its pixels along the long axis |
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage, optimize

from benchmarks.accuracy.scores import of_objects
from monitor import open_water
from monitor.grid import Grid, Mask
from monitor.vessels import Vessel, optical

Figures = dict[str, Any]

REACH_M = 30.0
SPECK_M2 = 1_000.0
SMALL_M = 50.0
"""Shortest label of the sets at hand: 51 m; 10 % of all labels of the source are shorter than about 70 m."""

NOTE = (
    "One optical image cannot tell a ship alongside from the quay: only ships with water around them are looked for, "
    "and the recall alongside is what happens to have a gap. The series against the empty-berth reference can. "
    f"Detections shorter than {SMALL_M:.0f} m without a label are not scored: small craft are not labelled."
)


@dataclass(frozen=True, kw_only=True)
class Port:
    """An image with its labels."""

    name: str
    bands: dict[str, NDArray[np.float32]]
    ships: list[Mask]
    grid: Grid
    """Of true ground pixels: only its resolution and shape are meant."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was found in a port."""

    port: Port
    vessels: list[Vessel]
    pairs: list[tuple[int, int]]
    """Label and vessel."""

    open_labels: list[bool]
    open_vessels: list[bool]


def figures(folder: Path, drawn: Path | None = None) -> Figures | None:
    """Figures of the folder; None if it is no such set. `drawn`: folder for a picture of each port."""
    found = _files(folder)
    if found is None:
        return None
    outcomes = [_outcome(port) for port in _ports(folder, *found)]
    if drawn is not None:
        drawn.mkdir(parents=True, exist_ok=True)
        for outcome in outcomes:
            _picture(outcome).save(drawn / f"{outcome.port.name}.png")
    return {
        "open_water": _open(outcomes),
        "alongside": _alongside(outcomes),
        "all": _whole(outcomes),
        "by_port": {o.port.name: {"open_water": _open([o]), "alongside": _alongside([o])} for o in outcomes},
        "note": NOTE,
    }


def _files(folder: Path) -> tuple[Figures, Figures] | None:
    """The item collection and the COCO file of a folder, known by what is in them."""
    items = coco = None
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            continue
        if content.get("type") == "FeatureCollection":
            items = content
        elif {"images", "annotations", "categories"} <= content.keys():
            coco = content
    return None if items is None or coco is None else (items, coco)


def _ports(folder: Path, items: Figures, coco: Figures) -> list[Port]:
    images = {Path(image["file_name"]).stem: image["id"] for image in coco["images"]}
    ports = []
    for item in items["features"]:
        if item["id"] not in images:
            continue
        number = images[item["id"]]
        ships = [_mask(a["segmentation"]) for a in coco["annotations"] if a["image_id"] == number]
        ports.append(_port(folder, item, ships))
    return ports


def _port(folder: Path, item: Figures, ships: list[Mask]) -> Port:
    bands = {}
    for name, asset in item["assets"].items():
        if "raster:bands" in asset and "reflectance" in asset.get("roles", ()):
            meta = asset["raster:bands"][0]
            with rasterio.open(folder / asset["href"]) as source:
                values = source.read(1, masked=True).astype(np.float32).filled(np.nan)
                side, crs = source.transform.a, source.crs
            bands[name.lower()] = values * np.float32(meta["scale"]) + np.float32(meta.get("offset", 0))
    height, width = bands[open_water.NIR].shape
    if crs.to_epsg() == 3857:  # Web Mercator: the ground is smaller than the map by the cosine of the latitude
        side *= math.cos(math.radians((item["bbox"][1] + item["bbox"][3]) / 2))
    grid = Grid(epsg=crs.to_epsg(), left=0.0, top=0.0, resolution=side, height=height, width=width)
    return Port(name=item["id"], bands=bands, ships=ships, grid=grid)


def _mask(segmentation: Figures) -> Mask:
    """An uncompressed COCO run-length mask: runs of False and True in turn, column by column."""
    counts = segmentation["counts"]
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    mask: Mask = flat.reshape(segmentation["size"], order="F")
    return mask


def _outcome(port: Port) -> Outcome:
    vessels = optical.detect(port.bands, open_water.water_of(port.bands, port.grid), port.grid)
    shore = _shore(port)
    far = ndimage.distance_transform_edt(~shore) * port.grid.resolution
    return Outcome(
        port=port,
        vessels=vessels,
        pairs=_pairs(port, vessels),
        open_labels=[bool(far[ship].min() > REACH_M) for ship in port.ships],
        open_vessels=[_in_open_water(v, shore, port.grid) for v in vessels],
    )


def _shore(port: Port) -> Mask:
    """What is neither water nor a labelled ship nor a speck."""
    dry = ~open_water.wet(port.bands)
    for ship in port.ships:
        dry &= ~ship
    labels, _ = ndimage.label(dry, open_water.EIGHT)
    large = np.bincount(labels.ravel()) * port.grid.pixel_area_m2 > SPECK_M2
    large[0] = False
    shore: Mask = large[labels]
    return shore


def _in_open_water(vessel: Vessel, shore: Mask, grid: Grid) -> bool:
    """True if all within 30 m of it is water. Its own pixels are those dry patches that end with its box."""
    reach = math.ceil(REACH_M / grid.resolution) + 3
    window = _window(vessel, reach, grid)
    labels, _ = ndimage.label(shore[window], open_water.EIGHT)
    own = np.zeros(labels.shape, bool)
    box = (
        slice(vessel.box[0] - window[0].start, vessel.box[2] - window[0].start),
        slice(vessel.box[1] - window[1].start, vessel.box[3] - window[1].start),
    )
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        if all(p.start >= b.start - 2 and p.stop <= b.stop + 2 for p, b in zip(place, box, strict=True)):
            own |= labels == number
    other = (labels > 0) & ~own
    own[round(vessel.row) - window[0].start, round(vessel.column) - window[1].start] = True
    away = ndimage.distance_transform_edt(~own) * grid.resolution
    return not bool((away[other] <= REACH_M).any())


def _window(vessel: Vessel, reach: int, grid: Grid) -> tuple[slice, slice]:
    top, left, bottom, right = vessel.box
    return (
        slice(max(0, top - reach), min(grid.height, bottom + reach)),
        slice(max(0, left - reach), min(grid.width, right + reach)),
    )


def _pairs(port: Port, vessels: list[Vessel]) -> list[tuple[int, int]]:
    """Labels and vessels that belong together, one to one, with the least sum of distances."""
    if not port.ships or not vessels:
        return []
    cost = np.full((len(port.ships), len(vessels)), 1e6)
    for i, ship in enumerate(port.ships):
        rows, columns = np.nonzero(ship)
        for j, vessel in enumerate(vessels):
            top, left, bottom, right = vessel.box
            distance = float(np.hypot(rows - vessel.row, columns - vessel.column).min()) * port.grid.resolution
            if distance <= REACH_M or ship[top:bottom, left:right].any():
                cost[i, j] = distance
    chosen = zip(*optimize.linear_sum_assignment(cost), strict=True)
    return [(int(i), int(j)) for i, j in chosen if cost[i, j] < 1e6]


def _open(outcomes: list[Outcome]) -> Figures:
    hits = misses = alarms = small = 0
    errors, counts = [], []
    for o in outcomes:
        found = dict(o.pairs)
        labels = [i for i, is_open in enumerate(o.open_labels) if is_open]
        matched = [i for i in labels if i in found]
        wrong = [v for v, is_open in _unmatched(o) if is_open]
        large = [v for v in wrong if v.length_m >= SMALL_M]
        hits, misses, alarms = hits + len(matched), misses + len(labels) - len(matched), alarms + len(large)
        small += len(wrong) - len(large)
        errors += [o.vessels[found[i]].length_m - _length(o.port.ships[i], o.port.grid) for i in matched]
        counts.append(abs(len(matched) + len(large) - len(labels)))
    return {
        **of_objects(hits, alarms, misses),
        "count_mae": round(float(np.mean(counts)), 2),
        "length_mae_m": round(float(np.mean(np.abs(errors))), 1) if errors else None,
        "length_bias_m": round(float(np.mean(errors)), 1) if errors else None,
        "labels": hits + misses,
        "false_alarms": alarms,
        "unlabelled_small": small,
        "precision_any_length": of_objects(hits, alarms + small, misses)["precision"],
    }


def _unmatched(o: Outcome) -> list[tuple[Vessel, bool]]:
    taken = {j for _, j in o.pairs}
    return [
        (v, is_open) for j, (v, is_open) in enumerate(zip(o.vessels, o.open_vessels, strict=True)) if j not in taken
    ]


def _alongside(outcomes: list[Outcome]) -> Figures:
    labels = sum(len(o.open_labels) - sum(o.open_labels) for o in outcomes)
    hits = sum(not o.open_labels[i] for o in outcomes for i, _ in o.pairs)
    return {"recall": round(hits / labels, 4) if labels else None, "labels": labels}


def _whole(outcomes: list[Outcome]) -> Figures:
    labels, hits = sum(len(o.port.ships) for o in outcomes), sum(len(o.pairs) for o in outcomes)
    alarms = sum(v.length_m >= SMALL_M for o in outcomes for v, _ in _unmatched(o))
    return {**of_objects(hits, alarms, labels - hits), "labels": labels}


def _length(ship: Mask, grid: Grid) -> float:
    """Long axis of a label, m."""
    return float(np.sqrt(12 * np.linalg.eigvalsh(np.cov(np.stack(np.nonzero(ship))))[-1])) * grid.resolution


SCALE = 3
YELLOW, GREY, GREEN, RED, BLUE = (255, 255, 0), (150, 150, 90), (0, 255, 0), (255, 0, 0), (90, 130, 255)


def _picture(o: Outcome) -> Image.Image:
    """Near infrared, red, green, with labels and detections.

    Labels outlined: yellow in open water, else grey. Boxes: green is a match, red a false alarm in open water, blue
    anything else.
    """
    channels = []
    for band in (open_water.NIR, open_water.RED, open_water.GREEN):
        values = np.nan_to_num(o.port.bands[band])
        low = np.percentile(values, 2)
        channels.append(np.sqrt(np.clip((values - low) / 0.25, 0, 1)))
    image = _zoomed((np.stack(channels, axis=-1) * 255).astype(np.uint8))
    for ship, is_open in zip(o.port.ships, o.open_labels, strict=True):
        large = _zoomed(ship)
        image[large & ~ndimage.binary_erosion(large)] = YELLOW if is_open else GREY
    taken = {j for _, j in o.pairs}
    for j, (v, is_open) in enumerate(zip(o.vessels, o.open_vessels, strict=True)):
        colour = GREEN if j in taken else RED if is_open and v.length_m >= SMALL_M else BLUE
        top, left, bottom, right = (SCALE * edge for edge in v.box)
        image[top:bottom, [left, right - 1]] = colour
        image[[top, bottom - 1], left:right] = colour
    return Image.fromarray(image)


def _zoomed(image: NDArray[Any]) -> NDArray[Any]:
    return np.repeat(np.repeat(image, SCALE, 0), SCALE, 1)
