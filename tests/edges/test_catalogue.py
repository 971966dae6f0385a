"""Searches of a STAC API on loopback through the real client: complete, ours, in time, or an error that says why."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import shapely
from servers import stac
from servers.stac import Fault, Paging, StacServer
from shapely.geometry.base import BaseGeometry

from monitor.errors import SceneError, SourceError
from monitor.sources import catalogue as module
from monitor.sources.catalogue import Patience, StacCatalogue
from monitor.sources.sifting import MOST_NAMED, Answer
from monitor.times import Interval, utc

OUTLINE = shapely.box(35.70, 35.50, 35.80, 35.56)
AROUND = OUTLINE.buffer(0.3)
JANUARY = Interval(start=utc("2025-01-01"), end=utc("2025-02-01"))
QUICK = Patience(connect_s=2, read_s=2, retries=3, backoff_s=0.02, longest_wait_s=1, total_s=20)


def item(
    name: str = "a",
    moment: str = "2025-01-10T08:20:00Z",
    collection: str = "sentinel-2-l2a",
    place: BaseGeometry = AROUND,
    **changes: Any,
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": collection,
        "geometry": shapely.geometry.mapping(place),
        "bbox": list(place.bounds),
        "properties": {"datetime": moment, "platform": "sentinel-2a"},
        "links": [],
        "assets": {},
    }
    return {k: v for k, v in (made | changes).items() if v is not ...}


MANY = [item(f"i{n:03d}", f"2025-01-{1 + n % 31:02d}T08:20:{n % 60:02d}Z") for n in range(250)]


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    """One server for all tests: it takes longer to start than most of them take."""
    with stac.serve() as server:
        RUNNING.append(server)
        yield
        RUNNING.clear()


RUNNING: list[StacServer] = []


@contextmanager
def serve(items: Iterable[Any] = (), **settings: Any) -> Iterator[StacServer]:
    """The server, as if started anew."""
    (server,) = RUNNING
    server.reset(items, **settings)
    yield server


def ask(
    server: StacServer,
    *,
    outline: BaseGeometry = OUTLINE,
    interval: Interval = JANUARY,
    collections: tuple[str, ...] = ("sentinel-2-l2a",),
    patience: Patience = QUICK,
    path: str = "",
) -> Answer:
    with StacCatalogue(server.url + path, private=True, patience=patience, sleep=lambda _: None) as catalogue:
        return catalogue.search(outline, interval, collections)


def names(answer: Answer) -> list[str]:
    return sorted(i["id"] for i in answer)


def refused(server: StacServer, match: str, **asked: Any) -> SourceError:
    with pytest.raises(SourceError, match=match) as caught:
        ask(server, **asked)
    assert not isinstance(caught.value, SceneError), "nothing is known of any scene"
    assert caught.value.hint
    assert "http://" not in caught.value.message, "addresses may hold more than messages should"
    return caught.value


# what is asked and what comes


def test_every_search_names_collections_time_and_place_and_nothing_that_is_not_heeded() -> None:
    with serve([item()]) as server:
        assert names(ask(server)) == ["a"]
        asked = server.searches[0]
    assert asked["collections"] == ["sentinel-2-l2a"]
    assert asked["datetime"] == "2024-12-31T00:00:00Z/2025-02-02T00:00:00Z", "a day more on both sides"
    assert shapely.geometry.shape(asked["intersects"]).equals(OUTLINE)
    assert asked["limit"] == 100
    assert not {"filter", "query", "sortby", "fields"} & set(asked)


@pytest.mark.parametrize("paging", Paging)
@pytest.mark.parametrize("empty", [0, 2])
def test_all_pages_are_read_each_item_once_also_past_empty_pages(paging: Paging, empty: int) -> None:
    with serve(MANY, paging=paging, empty_pages=empty) as server:
        answer = ask(server)
    assert names(answer) == sorted(i["id"] for i in MANY)
    assert answer.left_out == ()
    assert answer[0] in json.loads(json.dumps(MANY)), "as received"


def test_no_items_are_an_empty_answer_and_no_error() -> None:
    with serve([item(moment="2024-06-01T00:00:00Z")]) as server:
        answer = ask(server)
    assert (len(answer), answer.left_out) == (0, ())


def test_the_landing_page_is_read_once() -> None:
    with serve([item()]) as server, StacCatalogue(server.url, private=True, patience=QUICK) as catalogue:
        for _ in range(3):
            assert len(catalogue.search(OUTLINE, JANUARY, ["sentinel-2-l2a"])) == 1
        assert [r[1] for r in server.requests].count("/") == 1


def test_searches_from_many_threads() -> None:
    with serve(MANY[:30], largest_page=10) as server, StacCatalogue(server.url, private=True) as catalogue:
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: catalogue.search(OUTLINE, JANUARY, ["sentinel-2-l2a"]), range(12)))
        assert {len(a) for a in answers} == {30}
        assert [r[1] for r in server.requests].count("/") == 1


def test_what_arrives_late_goes_or_is_made_again_is_seen_by_the_next_search() -> None:
    with serve([item("a"), item("b")]) as server, StacCatalogue(server.url, private=True) as catalogue:

        def found() -> dict[str, Any]:
            answer = catalogue.search(OUTLINE, JANUARY, ["sentinel-2-l2a"])
            return {i["id"]: i["properties"].get("updated") for i in answer}

        assert found() == {"a": None, "b": None}
        server.put(item("late", "2025-01-03T08:20:00Z"))
        server.remove("b")
        changed = item("a")
        changed["properties"]["updated"] = "2025-03-01T00:00:00Z"
        server.put(changed)
        assert found() == {"a": "2025-03-01T00:00:00Z", "late": None}


def test_a_server_that_only_knows_get_is_asked_that_way() -> None:
    with serve(MANY, paging=Paging.GET, methods=("GET",)) as server:
        assert len(ask(server)) == 250
        assert {r[0] for r in server.requests} == {"GET"}


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_both_versions_of_stac_are_searched(version: str) -> None:
    with serve([item(stac_version=version)], version=version) as server:
        assert names(ask(server)) == ["a"]


def test_a_fine_outline_is_sent_as_its_box_and_held_against_the_items_here() -> None:
    fine = shapely.Point(35.75, 35.53).buffer(0.02, quad_segs=400)
    corner = shapely.box(35.729, 35.509, 35.7305, 35.5105)
    assert fine.envelope.intersects(corner)
    assert not fine.intersects(corner)
    with serve([item("a"), item("corner", place=corner)]) as server:
        answer = ask(server, outline=fine)
        assert shapely.get_num_coordinates(shapely.geometry.shape(server.searches[0]["intersects"])) == 5
    assert (names(answer), answer.left_out) == (["a"], ())


# across 180 degrees


DATELINE = shapely.MultiPolygon([shapely.box(179.9, -17.1, 180, -17), shapely.box(-180, -17.1, -179.9, -17)])


@pytest.mark.parametrize("outline", [DATELINE, shapely.box(179.9, -17.1, 180.1, -17)], ids=["split", "beyond"])
def test_an_outline_across_180_degrees_is_two_searches_and_one_answer(outline: BaseGeometry) -> None:
    east, west = shapely.box(179, -18, 180, -16), shapely.box(-180, -18, -179, -16)
    both = shapely.MultiPolygon([east, west])
    flat = shapely.box(-179.5, -18, 179.5, -16)
    items = [item("east", place=east), item("west", place=west), item("both", place=both), item("far", place=OUTLINE)]
    drawn_across = shapely.Polygon([(179, -18), (-179, -18), (-179, -16), (179, -16)])
    assert drawn_across.bounds[2] - drawn_across.bounds[0] == 358, "around the world on a flat map"
    with serve([*items, item("across", place=drawn_across)], ignored={"intersects"}) as server:
        answer = ask(server, outline=outline)
        sent = [shapely.geometry.shape(s["intersects"]) for s in server.searches if "next" not in s]
    assert names(answer) == ["across", "both", "east", "west"]
    assert len(sent) == 2
    assert all(s.bounds[0] >= -180 and s.bounds[2] <= 180 and s.bounds[2] - s.bounds[0] < 1 for s in sent)
    assert not any(s.equals(flat) for s in sent)


# filters that are not heeded


FOREIGN = [
    item("other", collection="landsat-c2-l2"),
    item("old", "2019-01-10T08:20:00Z"),
    item("away", place=shapely.box(-70, -30, -69, -29)),
]


@pytest.mark.parametrize(
    ("ignored", "says"),
    [("collections", "collection landsat-c2-l2"), ("datetime", "of 2019-01-10"), ("intersects", "of another place")],
)
@pytest.mark.parametrize("paging", [Paging.EARTH_SEARCH, Paging.TOKEN])
def test_a_server_that_does_not_heed_a_filter_is_an_error_and_not_an_empty_answer(
    ignored: str, says: str, paging: Paging
) -> None:
    with serve(FOREIGN, ignored={ignored}, paging=paging) as server:
        assert says in refused(server, "does not heed").message
        assert len(server.searches) == 1, "one page shows it; the others are not asked for"


def test_an_answer_from_the_whole_archive_is_given_up_after_one_page() -> None:
    """As recorded of Earth Search: a filter it does not know matched 115 million items."""
    archive = [item(f"x{n}", f"2018-01-{1 + n % 28:02d}T00:00:00Z") for n in range(500)]
    with serve(archive, ignored={"collections", "datetime", "intersects"}) as server:
        refused(server, "does not heed")
        assert len(server.searches) == 1


def test_single_foreign_items_are_left_out_and_counted() -> None:
    with serve([item("a"), *FOREIGN], ignored={"collections", "datetime", "intersects"}) as server:
        answer = ask(server)
    assert names(answer) == ["a"]
    told = "\n".join(answer.left_out)
    for word in ("landsat-c2-l2", "2019-01-10", "another place"):
        assert f"{word} left out: not asked for" in told


def test_a_server_that_compares_boxes_is_no_liar() -> None:
    band = shapely.LineString([(35.0, 34.0), (36.5, 36.0)]).buffer(0.1)
    assert not band.intersects(OUTLINE)
    assert band.envelope.intersects(OUTLINE)
    with serve([item("a", place=band)], ignored={"intersects"}) as server:
        assert ask(server) == Answer()


def test_items_dated_by_their_start_and_end_are_held_against_both() -> None:
    properties = {
        "datetime": None,
        "start_datetime": "2025-01-10T08:20:00Z",
        "end_datetime": "2025-01-10T08:20:25Z",
    }
    with serve([item("a", properties=properties)]) as server:
        assert names(ask(server)) == ["a"]


def test_an_item_dated_a_day_beside_its_acquisition_is_given_to_those_who_read_it() -> None:
    with serve([item("a", "2025-02-01T00:00:00Z"), item("b", "2025-02-03T00:00:00Z")]) as server:
        assert names(ask(server)) == ["a"]


def test_a_collection_that_does_not_exist_is_no_empty_answer() -> None:
    with serve([item()], collections={"sentinel-2-l2a"}) as server:
        error = refused(server, "has no collection 'sentinel-2-l2'", collections=("sentinel-2-l2",))
        assert "collections" in error.hint


def test_collections_are_looked_up_once_and_only_when_nothing_was_found() -> None:
    with serve([], collections={"sentinel-2-l2a"}) as server, StacCatalogue(server.url, private=True) as catalogue:
        for _ in range(3):
            assert not catalogue.search(OUTLINE, JANUARY, ["sentinel-2-l2a"])
        assert [r[1] for r in server.requests].count("/collections/sentinel-2-l2a") == 1
        server.put(item())
        catalogue.search(OUTLINE, JANUARY, ["sentinel-2-l2a"])
        assert [r[1] for r in server.requests].count("/collections/sentinel-2-l2a") == 1


# items that are none


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no id": (item(id=...), "'id' is missing"),
    "a number as id": (item(id=7), "id is no text"),
    "no geometry": (item("x", geometry=None), ""),
    "an empty geometry": (item("x", geometry={"type": "Polygon", "coordinates": []}), "empty"),
    "an unknown geometry": (item("x", geometry={"type": "Blob", "coordinates": []}), "blob"),
    "no properties": (item("x", properties=...), "'properties' is missing"),
    "properties of text": (item("x", properties="none"), ""),
    "no date": (item("x", properties={}), ""),
    "a date of words": (item("x", properties={"datetime": "yesterday"}), "yesterday"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_item_is_left_out_and_named_and_the_others_stay(kind: str) -> None:
    bad, says = BROKEN[kind]
    with serve([item("a"), bad, item("b")], ignored={"intersects"}) as server:
        answer = ask(server)
    assert names(answer) == ["a", "b"]
    (told,) = answer.left_out
    assert told.startswith(f"{server.url.removeprefix('http://')}: item ")
    assert says in told
    assert "\n" not in told


def test_features_that_are_no_objects_are_left_out() -> None:
    page = {"type": "FeatureCollection", "features": [3, None, "x", item("a")], "links": []}
    with serve() as server:
        server.faults.append(Fault(body=json.dumps(page).encode()))
        answer = ask(server)
    assert names(answer) == ["a"]
    assert len(answer.left_out) == 3


def test_when_no_item_can_be_used_that_is_an_error_not_an_empty_answer() -> None:
    with serve([bad for bad, _ in BROKEN.values()]) as server:
        refused(server, "no usable item")


def test_what_a_server_wrote_is_shown_without_signs_that_a_terminal_obeys() -> None:
    bad = [item("\x1b[2Jx" + "y" * 1000, geometry=None), item("c", collection="\x1b]0;x\nz")]
    with serve([item("a"), *bad], ignored={"collections"}) as server:
        told = ask(server).left_out
    assert len(told) == 2
    assert all(line.isprintable() and len(line) < 400 for line in told)


def test_hundreds_of_broken_items_are_counted_not_listed() -> None:
    bad = [item(f"x{n}", geometry=None) for n in range(200)]
    with serve([item("a"), *bad]) as server:
        answer = ask(server)
    assert len(answer.left_out) == MOST_NAMED + 1
    assert "195 more items" in answer.left_out[-1]


# pages that are none


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>busy</html>",
        b"[]",
        b"null",
        b'{"type": "FeatureCollection"}',
        b'{"features": 3}',
        b'{"code": "RateLimited", "description": "come back later"}',
        b"[" * 100_000,
    ],
    ids=["empty", "html", "list", "null", "no features", "a number", "an error with status 200", "deep"],
)
def test_an_answer_without_items_is_asked_for_again_and_never_taken_for_none(body: bytes) -> None:
    with serve([item("a")]) as server:
        server.faults.append(Fault(body=body, times=2))
        assert names(ask(server)) == ["a"]
        server.faults.append(Fault(body=body, times=None))
        refused(server, "no page of items|no JSON")
        assert len(server.searches) == 2 + 2 + module.PAGE_ATTEMPTS


@pytest.mark.parametrize("fault", [Fault(cut=0.6), Fault(broken=0.6)], ids=["truncated", "connection broken"])
def test_a_page_that_breaks_off_is_asked_for_again(fault: Fault) -> None:
    with serve(MANY) as server:
        server.faults.append(copy.copy(fault))
        assert len(ask(server)) == 250
        server.faults.append(copy.copy(fault))
        server.faults[-1].times = None
        refused(server, "breaks off|closed")


def test_a_page_in_the_middle_that_breaks_off_does_not_shorten_the_answer() -> None:
    with serve(MANY) as server:
        server.faults.append(Fault(after=1, cut=0.5))
        server.faults.append(Fault(after=1, status=503))
        assert len(ask(server)) == 250


def test_pages_that_lead_in_a_circle_end() -> None:
    with serve(MANY, looping=True) as server:
        refused(server, "in a circle")
        assert len(server.searches) <= 3


def test_the_same_items_under_ever_new_links_end() -> None:
    with serve([item("a")], looping=True, restless=True) as server:
        refused(server, "go on without items")
        assert len(server.searches) == module.MOST_BARREN + 2


def test_empty_pages_without_end_end() -> None:
    with serve([item("a")], empty_pages=1000) as server:
        refused(server, "go on without items")


def test_a_page_too_many_is_an_error_and_no_shortened_answer() -> None:
    many = [item(f"i{n}", f"2025-01-10T00:00:{n:02d}Z") for n in range(12)]
    with serve(many, largest_page=1) as server:
        refused(server, "more than 5 pages", patience=replace(QUICK, pages=5))
        refused(server, "or 5 items", patience=replace(QUICK, items=5))
        assert len(ask(server, patience=replace(QUICK, pages=13, items=12))) == 12


def test_items_that_are_promised_and_do_not_come_are_told() -> None:
    with serve([item("a")], matched=3) as server:
        answer = ask(server)
    assert names(answer) == ["a"]
    assert "says that it has 3 items, and gave 1" in answer.left_out[0]


# servers that are busy, down, slow


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("headers", [{}, {"retry-after": "0"}], ids=["", "retry-after"])
def test_a_search_that_is_refused_is_asked_again(status: int, headers: dict[str, str]) -> None:
    """The client alone does not repeat a POST at all."""
    with serve([item("a")]) as server:
        server.faults.append(Fault(status=status, times=3, headers=headers))
        assert names(ask(server)) == ["a"]
        assert [r[3] for r in server.requests if r[1] == "/search"] == [status] * 3 + [200, 200]


def test_the_landing_page_is_asked_for_again_too_and_a_failure_is_not_remembered() -> None:
    with serve([item("a")]) as server, StacCatalogue(server.url, private=True, patience=QUICK) as catalogue:
        server.faults.append(Fault(status=504, times=4, path="/"))
        with pytest.raises(SourceError, match="answers 504"):
            catalogue.search(OUTLINE, JANUARY, ["sentinel-2-l2a"])
        server.faults.append(Fault(status=504, times=3, path="/"))
        assert len(catalogue.search(OUTLINE, JANUARY, ["sentinel-2-l2a"])) == 1


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (429, b'{"error": "WAF", "message": "Rate limit exceeded", "status": 429}', "too many requests"),
        (504, b"<html>", "took too long"),
        (401, b"{}", "wants a login"),
        (403, b"{}", "access refused"),
        (400, b'{"code": "BadRequest", "description": "https://x.example/?sig=SECRET"}', "answers 400"),
    ],
)
def test_a_refusal_that_stays_is_told_with_its_meaning_and_without_its_text(
    status: int, body: bytes, says: str
) -> None:
    with serve([item("a")]) as server:
        server.faults.append(Fault(status=status, times=None, body=body))
        error = refused(server, says)
        assert len(server.searches) == (1 if status < 429 else 1 + QUICK.retries), "what is final is not repeated"
    assert "SECRET" not in str(error)
    assert f"answers {status}" in error.message


@pytest.mark.parametrize("given", ["2.5", "soon", "Wed, 99 Foo 2025"])
def test_a_retry_after_that_cannot_be_read_does_no_harm(given: str) -> None:
    with serve([item("a")]) as server:
        server.faults.append(Fault(status=429, headers={"retry-after": given}))
        assert names(ask(server)) == ["a"]


def test_a_retry_after_of_hours_is_cut_to_what_we_wait() -> None:
    with serve([item("a")]) as server:
        server.faults.append(Fault(status=429, headers={"retry-after": "86400"}))
        assert names(ask(server)) == ["a"]


def test_a_server_that_says_nothing_is_given_up() -> None:
    with serve([item("a")]) as server:
        server.faults.append(Fault(delay_s=1.0, times=None))
        refused(server, "no answer in time", patience=Patience(read_s=0.1, retries=1, backoff_s=0.01))


def test_a_server_that_says_nothing_once_is_asked_again() -> None:
    with serve([item("a")]) as server:
        server.faults.append(Fault(delay_s=1.0))
        assert names(ask(server, patience=Patience(read_s=0.2, retries=2, backoff_s=0.01))) == ["a"]


def test_a_search_ends_in_time_however_many_pages_there_are() -> None:
    with serve([item(f"i{n}", f"2025-01-10T00:00:{n:02d}Z") for n in range(60)]) as server:
        server.largest_page = 1
        server.faults.append(Fault(delay_s=0.1, times=None))
        refused(server, "takes too long", patience=Patience(total_s=0.5))
        assert len(server.searches) < 20


def test_an_answer_too_large_is_not_kept() -> None:
    bomb = Fault(body=b'{"features": [' + b" " * (module.LARGEST_ANSWER + 10), times=None)
    with serve([item("a")]) as server:
        server.faults.append(bomb)
        refused(server, "too large")


# addresses


def test_a_server_that_is_not_there() -> None:
    catalogue = StacCatalogue("http://127.0.0.1:1", private=True, patience=QUICK)
    with catalogue, pytest.raises(SourceError, match=r"127.0.0.1:1: the connection failed"):
        catalogue.search(OUTLINE, JANUARY, ["a"])


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (b"<html>welcome</html>", "no JSON"),
        (b'{"hello": "world"}', "no STAC API"),
        (b"[]", "no landing page"),
        (json.dumps(item("a")).encode(), "no STAC API"),
    ],
)
def test_an_address_that_is_no_stac_api(page: bytes, says: str) -> None:
    with serve([item("a")]) as server:
        server.faults.append(Fault(body=page, path="/", times=None))
        assert "config.toml" in refused(server, says).hint
        assert server.searches == []


@pytest.mark.parametrize("conforms_to", [None, ["https://api.stacspec.org/v1.0.0/core"]])
def test_a_catalogue_without_search_is_told_and_nothing_warns(conforms_to: Any) -> None:
    with serve([item("a")], conforms_to=conforms_to) as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(server, "no STAC API that can be searched")


def test_a_page_that_is_not_there() -> None:
    with serve([item("a")]) as server:
        refused(server, "answers 404 .there is nothing at this address", path="/v2")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:8080", "scheme 'http'"),
        ("http://stac.example.org", "scheme 'http'"),
        ("file:///etc/passwd", "scheme 'file'"),
        ("/etc/passwd", "scheme ''"),
        ("https://user:secret@stac.example.org", "user name"),
        ("https://localhost", "no public address|private address"),
    ],
)
def test_addresses_that_are_never_asked(url: str, says: str) -> None:
    with StacCatalogue(url, patience=QUICK) as catalogue:
        with pytest.raises(SourceError, match=says) as caught:
            catalogue.search(OUTLINE, JANUARY, ["a"])
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "href", ["http://169.254.169.254/latest/meta-data", "http://localhost:9/search", "file:///etc/passwd", "/search"]
)
def test_a_next_link_to_another_place_is_not_followed(href: str) -> None:
    with serve(MANY, next_href=href) as server:
        refused(server, "next page lies at another place")


def test_a_redirect_to_another_host_is_not_followed() -> None:
    with stac.serve([item("a")]) as other, serve([item("a")]) as server:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        server.faults.append(Fault(status=307, headers={"location": f"{elsewhere}/search"}, times=None))
        refused(server, "redirects to another host")
        assert other.requests == []


def test_a_redirect_on_the_same_host_is_followed() -> None:
    with serve([item("a")]) as server:
        server.faults.append(Fault(status=307, headers={"location": f"{server.url}/search"}))
        assert names(ask(server)) == ["a"]


def test_the_client_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys; from monitor.sources.catalogue import StacCatalogue; "
        "StacCatalogue('https://x.example'); print('pystac_client' in sys.modules, 'pystac' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
