"""Searches of a real STAC API, compared with a plain filter over what was loaded into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from servers.pgstac import Pgstac
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from monitor.errors import SourceError
from monitor.scene import distinct
from monitor.sources.catalogue import LIMIT, MARGIN, Patience, StacCatalogue
from monitor.sources.items import to_scene
from monitor.times import Interval
from real_servers.made import C1, FIRST, L2A, PORT, REVISIT, again, item, products, split, stamp

pytestmark = pytest.mark.servers

Item = dict[str, Any]

PRODUCTS = products()
ALWAYS = Interval(start=datetime(2025, 1, 1, tzinfo=UTC), end=datetime(2026, 1, 1, tzinfo=UTC))
QUAY = box(PORT[0] + 0.2, PORT[1] + 0.2, PORT[0] + 0.25, PORT[1] + 0.25)
"""An AOI that only the first tile covers."""


@pytest.fixture(scope="module")
def loaded(stac: Pgstac) -> Pgstac:
    """The STAC API with `PRODUCTS` in it."""
    for name in (C1, L2A):
        stac.collection(name)
    stac.upsert(PRODUCTS)
    return stac


@pytest.fixture(scope="module")
def catalogue(loaded: Pgstac) -> Iterator[StacCatalogue]:
    with StacCatalogue(loaded.address, private=True) as opened:
        yield opened


def names(items: Sequence[Item]) -> list[tuple[str, str]]:
    return sorted((i["collection"], i["id"]) for i in items)


def expected(outline: BaseGeometry, interval: Interval, collections: Sequence[str]) -> list[Item]:
    """What a search has to give, by a filter that knows neither server nor client. `outline`: split at 180 degrees."""
    return [
        i
        for i in PRODUCTS
        if i["collection"] in collections
        and interval.start - MARGIN <= datetime.fromisoformat(i["properties"]["datetime"]) <= interval.end + MARGIN
        and shapely.geometry.shape(i["geometry"]).intersects(outline)
    ]


def same_tile(collection: str, count: int, *, first: int = 0) -> list[Item]:
    """Products of one instant and one footprint: nothing but their names tells them apart."""
    footprint = box(10, 50, 10.5, 50.5)
    return [
        item(collection=collection, tile=f"32U{n:03d}", footprint=footprint, moment=FIRST) for n in range(first, count)
    ]


def hundredths(least: float, most: float) -> st.SearchStrategy[float]:
    """Spread evenly: drawn as floats, most would be whole or tiny."""
    return st.integers(round(least * 100), round(most * 100)).map(lambda n: n / 100)


@st.composite
def questions(draw: st.DrawFn) -> tuple[BaseGeometry, Interval, list[str]]:
    """Searches near a product, in place and time: from a pier to a coast, from an instant to a month."""
    near = draw(st.sampled_from(PRODUCTS))
    x, y = (near["bbox"][side] + draw(hundredths(-0.4, 0.6)) for side in (0, 1))
    outline = box(x, y, x + draw(hundredths(0.01, 1.0)), y + draw(hundredths(0.01, 1.0)))
    start = datetime.fromisoformat(near["properties"]["datetime"]) - timedelta(days=draw(hundredths(-4, 10)))
    interval = Interval(start=start, end=start + timedelta(days=draw(hundredths(0, 30))))
    return split(outline), interval, draw(st.sampled_from([[C1], [L2A], [C1, L2A]]))


at_the_edge = Interval(start=FIRST + MARGIN, end=FIRST + REVISIT - MARGIN)
half_a_second_in = Interval(
    start=at_the_edge.start + timedelta(seconds=0.5), end=at_the_edge.end - timedelta(seconds=0.5)
)


@settings(max_examples=30)
@example((QUAY, at_the_edge, [C1]))
@example((QUAY, half_a_second_in, [C1]))
@given(questions())
def test_a_search_gives_what_a_plain_filter_gives(
    catalogue: StacCatalogue, question: tuple[BaseGeometry, Interval, list[str]]
) -> None:
    answer = catalogue.search(*question)
    assert names(answer) == names(expected(*question))
    assert answer.left_out == ()


def test_items_come_as_they_were_loaded(catalogue: StacCatalogue) -> None:
    """The server keeps what items have in common apart and puts it back; links are its own."""
    by_name = {(i["collection"], i["id"]): i for i in PRODUCTS}
    for found in catalogue.search(QUAY, ALWAYS, [C1, L2A]):
        given = by_name[found["collection"], found["id"]]
        assert {**found, "links": []} == shapely_as_json(given)


def shapely_as_json(given: Item) -> Item:
    """Coordinates as JSON has them: lists."""
    geometry = shapely.geometry.shape(given["geometry"])
    return {**given, "geometry": {"type": geometry.geom_type, "coordinates": _lists(given["geometry"]["coordinates"])}}


def _lists(nested: object) -> object:
    return [_lists(n) for n in nested] if isinstance(nested, tuple | list) else nested


@pytest.mark.parametrize(
    "count", [2 * LIMIT, 2 * LIMIT + 1, LIMIT], ids=["two full pages", "one more", "one full page"]
)
def test_every_page_is_read_and_no_item_twice(stac: Pgstac, count: int) -> None:
    """All items have the same instant, so that pages can only be told apart by names."""
    name = f"paged-{count}"
    stac.collection(name)
    stac.upsert(same_tile(name, count))
    with StacCatalogue(stac.address, private=True) as opened:
        answer = opened.search(box(10.1, 50.1, 10.2, 50.2), ALWAYS, [name])
    assert names(answer) == names(same_tile(name, count))
    assert answer.left_out == ()


def test_nothing_there_is_an_answer(catalogue: StacCatalogue) -> None:
    later = Interval(start=ALWAYS.end, end=ALWAYS.end + REVISIT)
    assert len(catalogue.search(QUAY, later, [C1])) == 0
    assert len(catalogue.search(box(-30, 10, -29.9, 10.1), ALWAYS, [C1, L2A])) == 0


def test_a_collection_that_does_not_exist_is_an_error_though_the_server_finds_nothing_wrong(
    catalogue: StacCatalogue,
) -> None:
    with pytest.raises(SourceError, match="sentinel-2-c2"):
        catalogue.search(QUAY, ALWAYS, ["sentinel-2-c2"])


def test_a_corner_of_the_box_that_the_swath_leaves_out_is_not_covered(catalogue: StacCatalogue) -> None:
    west, _, east, north = shapely.geometry.shape(PRODUCTS[0]["geometry"]).bounds
    corner = box(west, north - 0.01, west + 0.01, north)
    assert PRODUCTS[0]["bbox"][0] == west
    assert east > west + 0.02
    assert PRODUCTS[0]["id"] not in {i["id"] for i in catalogue.search(corner, ALWAYS, [C1])}


def test_an_aoi_across_180_degrees_is_found_however_it_is_written(catalogue: StacCatalogue) -> None:
    beyond = box(179.7, -16.9, 180.3, -16.6)
    flat = shapely.Polygon([(179.7, -16.9), (-179.7, -16.9), (-179.7, -16.6), (179.7, -16.6)])
    wanted = names(expected(split(beyond), ALWAYS, [C1]))
    assert len(wanted) == 8
    for outline in (split(beyond), beyond, flat):
        answer = catalogue.search(outline, ALWAYS, [C1])
        assert names(answer) == wanted
        assert answer.left_out == ()


def test_each_side_of_180_degrees_finds_the_tile_that_crosses_it(catalogue: StacCatalogue) -> None:
    for west in (179.8, -179.999):
        outline = box(west, -16.9, west + 0.001, -16.8)
        tiles = [i["properties"]["grid:code"] for i in catalogue.search(outline, ALWAYS, [C1])]
        assert tiles.count("MGRS-01KAB") == 4


def test_of_two_products_of_one_acquisition_the_newer_baseline_stays(catalogue: StacCatalogue) -> None:
    found = catalogue.search(QUAY, ALWAYS, [C1])
    scenes = [to_scene(i, source="test", href=lambda href: href) for i in found]
    assert len(found) == 9
    left = distinct(scenes)
    assert len(left) == len({s.start for s in left}) == 8
    assert sorted(s.baseline for s in left) == ["05.11"] * 7 + ["05.12"]


def test_what_arrives_late_is_found_by_the_next_search_and_what_is_withdrawn_is_not(stac: Pgstac) -> None:
    name, where = "late", box(10.1, 50.1, 10.2, 50.2)
    early, late = same_tile(name, 2)
    stac.collection(name)
    stac.upsert([early])
    with StacCatalogue(stac.address, private=True) as opened:
        assert names(opened.search(where, ALWAYS, [name])) == names([early])
        stac.upsert([late])
        assert names(opened.search(where, ALWAYS, [name])) == names([early, late])
        stac.delete(early["id"], name)
        assert names(opened.search(where, ALWAYS, [name])) == names([late])


def test_an_item_that_was_made_again_under_its_name_comes_once_and_new(stac: Pgstac) -> None:
    name, where = "again", box(10.1, 50.1, 10.2, 50.2)
    (first,) = same_tile(name, 1)
    stac.collection(name)
    stac.upsert([first])
    stac.upsert([{**again(first), "id": first["id"]}])
    with StacCatalogue(stac.address, private=True) as opened:
        (found,) = opened.search(where, ALWAYS, [name])
    assert found["properties"]["s2:processing_baseline"] == "05.12"
    assert found["properties"]["updated"] == stamp(FIRST + timedelta(days=30, hours=5))


def test_a_gateway_that_fails_every_third_time_loses_no_item(stac: Pgstac, gateway: Callable[[str], str]) -> None:
    name, where = "through-a-gateway", box(10.1, 50.1, 10.2, 50.2)
    stac.collection(name)
    stac.upsert(same_tile(name, 3 * LIMIT))
    patience = Patience(backoff_s=0.05)
    with StacCatalogue(gateway(stac.address), private=True, patience=patience) as opened:
        for _ in range(3):
            assert names(opened.search(where, ALWAYS, [name])) == names(same_tile(name, 3 * LIMIT))


def test_a_gateway_whose_server_is_gone_is_an_error_not_an_empty_answer(gateway: Callable[[str], str]) -> None:
    patience = Patience(backoff_s=0.01, retries=2)
    address = gateway("http://127.0.0.1:1")
    with StacCatalogue(address, private=True, patience=patience) as opened, pytest.raises(SourceError, match="502"):
        opened.search(QUAY, ALWAYS, [C1])
