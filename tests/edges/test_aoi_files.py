"""The sites that are shipped: all load, lie where the narrative expects them, and keep their marks of doubt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import shapely

from monitor.aoi import Aoi, ZoneKind, from_features
from monitor.narrative import read_narrative

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "aois").glob("*.geojson"))
STARTER = sorted((ROOT / "monitor/starter/aois").glob("*.geojson"))


def features(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))["features"]


def read(file: Path) -> Aoi:
    return from_features(json.loads(file.read_text(encoding="utf-8")), str(file))


def test_thirty_sites_with_thirty_eight_drawn_zones() -> None:
    aois = [read(file) for file in SHIPPED]
    assert len(aois) == 30
    assert sum(zone.kind is not ZoneKind.AREA for aoi in aois for zone in aoi.zones) == 38


@pytest.mark.parametrize("file", SHIPPED + STARTER, ids=lambda f: f.stem)
def test_a_site_is_whole(file: Path) -> None:
    aoi = read(file)
    assert aoi.id == file.stem
    for zone in aoi.zones:
        assert aoi.outline.covers(zone.outline), f"{zone.name} leaves the outline"
    grid = aoi.grid()
    assert grid.height * grid.width < 10_000_000


@pytest.mark.parametrize("file", SHIPPED + STARTER, ids=lambda f: f.stem)
def test_a_site_keeps_its_marks_of_doubt(file: Path) -> None:
    outline, *zones = (feature["properties"] for feature in features(file))
    assert shapely.Point(outline["anchor"]).within(read(file).outline)
    assert outline["approximate"]
    assert outline["anchor_uncertainty_m"] >= 50
    assert all(outline[key] for key in ("confidence", "sources", "notes"))
    assert all(zone["approximate"] and zone["position_uncertainty_m"] >= 100 for zone in zones)
    assert "claims" not in outline, "which claim concerns a site stands in alerts/narrative"


@pytest.mark.parametrize("file", SHIPPED + STARTER, ids=lambda f: f.stem)
def test_a_site_follows_rfc_7946(file: Path) -> None:
    for feature in features(file):
        shape = shapely.geometry.shape(feature["geometry"])
        assert isinstance(shape, shapely.Polygon)
        assert shape.exterior.is_ccw
        assert feature["bbox"] == list(shape.bounds)
        assert feature["id"] == feature["properties"]["id"]


@pytest.mark.parametrize(
    ("site", "lon", "lat"),
    [
        ("rajin", 130.2826, 42.2271),  # MSMT report 1, fig. 11
        ("tumangang", 130.6081, 42.4214),
        ("khasan", 130.6449, 42.4301),
        ("chongjin", 129.8204, 41.7816),  # Global Energy Monitor
        ("vostochny", 133.071, 42.753),  # AIS stops
        ("tikhoretsk", 40.0409, 45.8857),
        ("kursk_tetkino", 34.294, 51.281),
    ],
)
def test_places_known_from_elsewhere_lie_in_their_site(site: str, lon: float, lat: float) -> None:
    """Longitude and latitude are not exchanged, and no box has slipped."""
    assert read(ROOT / f"aois/{site}.geojson").outline.contains(shapely.Point(lon, lat))


def test_both_readings_of_the_rajin_berths_lie_in_the_berth_zone() -> None:
    """MSMT and the coastline disagree by 400-500 m: the box holds both until somebody redraws it."""
    berths = read(ROOT / "aois/rajin.geojson").zone("berths").outline
    assert berths.contains(shapely.Point(130.2826, 42.2271))
    assert berths.contains(shapely.Point(130.2920, 42.2300))


def test_each_aoi_that_the_narrative_names_exists() -> None:
    aois = {file.stem: read(file) for file in SHIPPED}
    narrative = read_narrative(sorted((ROOT / "alerts/narrative").glob("*.toml")), aois)
    lists = (
        [c.aois for c in narrative.claims] + [c.aois for c in narrative.controls] + [c.aois for c in narrative.context]
    )
    named = {aoi for names in lists for aoi in names}
    assert named <= set(aois)
    assert set(aois) - named == set(), "a site that nothing speaks of"
