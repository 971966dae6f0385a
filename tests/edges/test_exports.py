"""Exports are valid by the rules of their formats, say what was recorded, and stay so whatever names they meet."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas
import pystac
import pytest
import shapely
import stix2
from geopandas.testing import assert_geodataframe_equal
from hypothesis import given, settings
from hypothesis import strategies as st
from pystac.validation import validate_dict
from stix2validator import ValidationOptions, validate_string

from monitor.alert import Ending, Incident, Interval90, Kind, State
from monitor.aoi import Aoi, Zone, ZoneKind
from monitor.assessment import Outcome
from monitor.claim import (
    Bearing,
    Claim,
    Credibility,
    Document,
    Observability,
    Relation,
    Reliability,
)
from monitor.errors import UsageError, WorkspaceError
from monitor.exports import assessed, features, items, parquet, table, writing
from monitor.exports.assessed import Assessed, Compared
from monitor.exports.assessed import Expected as Judged
from monitor.exports.stix import bundle
from monitor.exports.stix.places import circle_of
from monitor.exports.values import Export, Noted, Place, Row, Said
from monitor.grid import project, zone_of
from monitor.look import Look
from monitor.measurement import Reason
from monitor.measures import MEASURES
from monitor.scene import Direction, Sensor, Track
from monitor.score import Expected
from monitor.times import Interval

START = datetime(2024, 10, 4, 9, 20, 0, 250_000, tzinfo=UTC)
MADE = datetime(2026, 11, 24, 8, tzinfo=UTC)
RECORDED = datetime(2024, 12, 1, 6, tzinfo=UTC)
TRACK = Track(sensor=Sensor.SENTINEL1, relative_orbit=87, direction=Direction.ASCENDING, polarisation="VV")
OUTLINE = shapely.box(130.28, 42.22, 130.3, 42.24)
CLOCKWISE = shapely.Polygon(
    [(130.281, 42.221), (130.281, 42.229), (130.289, 42.229), (130.289, 42.221)],
    [[(130.283, 42.223), (130.285, 42.223), (130.285, 42.225), (130.283, 42.225)]],
)
"""Drawn against the rule of RFC 7946, with a hole drawn against it too."""

CREDIT = "Contains modified Copernicus Sentinel data [2024]"
HREF = "https://stac.example.org/v1/collections/s1/items/a"


def look(number: int, reason: Reason | None = None, **changes: Any) -> Look:
    at = START + timedelta(days=6 * number)
    made = Look(
        id=f"{at:%Y%m%dT%H%M%S}-{TRACK.id}",
        aoi="rajin",
        track=TRACK,
        platform="sentinel-1a",
        start=at,
        scenes=(f"S1A_{number}",),
        valid_fraction=0.9,
        reason=reason,
    )
    return replace(made, **changes)


def row(of: Look, zone: str = "berths", value: float | None = 2.0, **changes: Any) -> Row:
    made = Row(
        aoi="rajin",
        zone=zone,
        measure="vessel_count",
        value=value,
        unit="1",
        reason="" if value is not None else str(Reason.ROUGH_SEA),
        look=of.id,
        track=of.track.id,
        platform=of.platform,
        start=of.start,
        n_valid=1234,
        valid_fraction=1 / 3,
        recipe="vessel_count/2",
        expected=Expected(n=20, centre=1.1, low=0.2, high=2.3) if value is not None else None,
        z=-1.25 if value is not None else None,
    )
    return replace(made, **changes)


LOOKS = (look(0), look(1), look(2, Reason.NOT_COVERED), look(3))
INCIDENT = Incident(
    aoi="rajin",
    zone="berths",
    measure="vessel_count",
    kind=Kind.SURGE,
    state=State.CONFIRMED,
    onset=LOOKS[0].start,
    raised=LOOKS[1].start,
    last=LOOKS[3].start,
    looks=(LOOKS[0].id, LOOKS[1].id, LOOKS[3].id),
    tracks=(TRACK.id,),
    mean=2.0,
    usual=1.1,
    baseline_looks=20,
    onset_between=(LOOKS[0].start - timedelta(days=6), LOOKS[0].start),
    ratio=Interval90(1.9, 1.2, math.inf),
    id="rajin.berths.vessel_count.surge.20241004",
)
BLIND = Incident(
    aoi="rajin",
    zone="",
    measure="",
    kind=Kind.BLIND,
    state=State.BLIND,
    onset=LOOKS[3].start,
    raised=LOOKS[3].start + timedelta(days=60),
    id="rajin.blind.20241022",
)
AOI = Aoi(
    id="rajin",
    name="Rajin port",
    outline=OUTLINE,
    zones=(
        Zone(name="berths", kind=ZoneKind.BERTH_WATER, outline=CLOCKWISE, uncertainty_m=30.0),
        Zone(name="anchorage", kind=ZoneKind.ANCHORAGE, outline=shapely.box(130.29, 42.23, 130.299, 42.239)),
    ),
)
CLAIM = Claim(
    id="c1",
    document="d1",
    text="Activity at the port has surged.",
    said_by="A. Nalyst",
    said_on=date(2024, 11, 1),
    about=Interval(start=START - timedelta(days=10), end=START + timedelta(days=60)),
    aois=("rajin",),
    reliability=Reliability.B,
    credibility=Credibility.POSSIBLY_TRUE,
    observability=Observability.TESTABLE,
    against="No more ships than before.",
)
DOCUMENT = Document(
    id="d1", title="A bulletin", publisher="An institute", dated=date(2024, 11, 1), date_basis="printed on it"
)


def place(**changes: Any) -> Place:
    made = Place(
        aoi=AOI,
        looks=LOOKS,
        rows=[
            row(LOOKS[0]),
            row(LOOKS[0], "anchorage", 0.1 + 0.2),
            row(LOOKS[1], value=None),
            row(LOOKS[1], measure="valid_fraction", recipe="valid_fraction/2", expected=None, z=None),
            row(LOOKS[3], value=-7.5, measure="backscatter_db", unit="dB", z=2.0),
        ],
        incidents=[Noted(incident=INCIDENT, first=RECORDED, newest=RECORDED + timedelta(days=1))],
        attribution=CREDIT,
        simulated=False,
        origins={LOOKS[0].id: [HREF]},
    )
    return replace(made, **changes)


def export(*places: Place) -> Export:
    return Export(version="1.2.3", made=MADE, places=places or (place(),))


def bearing(relation: Relation, claim: Claim = CLAIM) -> Bearing:
    return Bearing(claim=claim, expectation=None, relation=relation, says="It says.", does_not_say="It leaves open.")


def judged(outcome: Outcome, **changes: Any) -> Assessed:
    made = Assessed(
        id=f"assessment:c1:{outcome}",
        claim="c1",
        recorded=RECORDED,
        as_of=RECORDED,
        outcome=outcome,
        likelihood=("likely", "55-80 %"),
        confidence="moderate",
        expectations=[
            Judged(
                id="E1",
                outcome=outcome,
                standing="fixed beforehand",
                comparisons=[Compared(baseline="2023", counted=12, every=20, effect=(2.0, 1.4, 2.9))],
            )
        ],
        doubts=["too few looks", "it was written or changed after its window opened"],
        evidence="ab" * 32,
    )
    return replace(made, **changes)


def said(*relations: Relation, outcome: Outcome = Outcome.SUPPORTED, **changes: Any) -> Said:
    made = Said(
        claims=[CLAIM],
        documents=[DOCUMENT],
        bearings={INCIDENT.id: [bearing(r) for r in relations]},
        assessed=[judged(outcome)],
    )
    return replace(made, **changes)


def strictly(text: str) -> dict[str, Any]:
    """The JSON value; NaN and infinity are not JSON."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    value: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return value


def objects(text: str, kind: str) -> list[dict[str, Any]]:
    return [o for o in strictly(text)["objects"] if o["type"] == kind]


def one(text: str, kind: str) -> dict[str, Any]:
    (found,) = objects(text, kind)
    return found


def faults(text: str) -> list[str]:
    """What the validator of OASIS finds. Its checks of what SHOULD be are errors here, and all references must be in
    the bundle. Left out is one check: it takes the deterministic ids (UUIDv5), which STIX 2.1 allows, for a fault."""
    options = ValidationOptions(version="2.1", strict=True, enforce_refs=True, disabled="uuid-check")
    found = validate_string(text, options)
    return [str(e) for e in (*found.errors, *found.warnings)]


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, the names of its members too."""
    if isinstance(value, dict):
        for name, held in value.items():
            yield name
            yield from texts(held)
    elif isinstance(value, list):
        for held in value:
            yield from texts(held)
    elif isinstance(value, str):
        yield value


HOSTILE = st.one_of(
    st.text(max_size=40),
    st.text(st.sampled_from("=+-@\t\r\n\0\"',;<>&\\/ \u202e\u200f\u05d0\u0627\ufeff\ud800\uff1da1"), max_size=20),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            '=HYPERLINK("http://x","y")',
            "@SUM(1+1)*cmd|' /C calc'!A0",
            "\u202egnp.exe",
            "a\0b",
            "'; DROP TABLE looks; --",
            "line\nbreak\r\nand \u2028 more",
            "\ud800",
            "../../etc/passwd",
            "מעגן",
        ]
    ),
)


class TestGeoJson:
    def test_one_feature_for_each_zone_and_incident(self) -> None:
        made = strictly(features.collection(export()))
        assert [(f["id"], f["properties"]["feature"]) for f in made["features"]] == [
            ("rajin.berths", "zone"),
            ("rajin.anchorage", "zone"),
            (INCIDENT.id, "incident"),
        ]
        zone, _, incident = made["features"]
        assert incident["geometry"] == zone["geometry"]

    def test_properties_are_flat_and_the_same_for_all(self) -> None:
        for feature in strictly(features.collection(export()))["features"]:
            assert tuple(feature["properties"]) == features.COLUMNS
            assert not any(isinstance(v, dict | list) for v in feature["properties"].values())

    def test_says_where_its_numbers_come_from(self) -> None:
        *_, incident = strictly(features.collection(export()))["features"]
        told = incident["properties"]
        assert told["look_ids"].split() == list(INCIDENT.looks)
        assert (told["recipe"], told["tracks"], told["attribution"]) == (
            MEASURES["vessel_count"].recipe,
            TRACK.id,
            CREDIT,
        )
        assert (told["quaywatch_version"], told["made_utc"]) == ("1.2.3", "2026-11-24T08:00:00Z")
        assert told["onset_utc"] == "2024-10-04T09:20:00.250000Z"
        assert (told["ratio"], told["ratio_low"], told["ratio_high"]) == (1.9, 1.2, None)

    def test_a_look_that_only_tells_its_cover_is_not_usable(self) -> None:
        zone, *_ = strictly(features.collection(export()))["features"]
        assert zone["properties"]["looks"] == 4
        assert zone["properties"]["usable_looks"] == 2
        assert zone["properties"]["newest_usable_look"] == LOOKS[3].id

    def test_follows_the_right_hand_rule(self) -> None:
        zone, *_ = strictly(features.collection(export()))["features"]
        shell, hole = zone["geometry"]["coordinates"]
        assert shapely.LinearRing(shell).is_ccw
        assert not shapely.LinearRing(hole).is_ccw
        assert shapely.geometry.shape(zone["geometry"]).equals(CLOCKWISE)

    def test_blind_has_the_outline_of_the_aoi_and_a_lost_zone_has_none(self) -> None:
        lost = replace(INCIDENT, zone="gone", id="lost")
        notes = [Noted(incident=i, first=RECORDED, newest=RECORDED) for i in (BLIND, lost)]
        *_, blind, gone = strictly(features.collection(export(place(incidents=notes))))["features"]
        assert shapely.geometry.shape(blind["geometry"]).equals(OUTLINE)
        assert gone["geometry"] is None
        assert gone["properties"]["zone"] == "gone"

    def test_is_read_back_equal(self, tmp_path: Path) -> None:
        path = tmp_path / "a.geojson"
        path.write_text(features.collection(export()), encoding="utf-8")
        frame = geopandas.read_file(path, engine="pyogrio")
        assert frame.crs.to_epsg() == 4326
        for (_, read), feature in zip(frame.iterrows(), strictly(path.read_text())["features"], strict=True):
            assert read.geometry.equals(shapely.geometry.shape(feature["geometry"]))
            assert read["id"] == feature["id"]
            for name, value in feature["properties"].items():
                if value is None:
                    assert geopandas.pd.isna(read[name])
                elif name.endswith("_utc"):
                    assert read[name] == geopandas.pd.Timestamp(value)
                else:
                    assert read[name] == value

    def test_retracted_incidents_are_told_but_not_counted(self) -> None:
        taken_back = replace(INCIDENT, state=State.RETRACTED, ending=None)
        made = export(place(incidents=[Noted(incident=taken_back, first=RECORDED, newest=RECORDED)]))
        zone, _, incident = strictly(features.collection(made))["features"]
        assert (zone["properties"]["incidents"], zone["properties"]["open_incidents"]) == (0, 0)
        assert incident["properties"]["state"] == "retracted"

    def test_simulated_is_marked_everywhere(self) -> None:
        made = strictly(features.collection(export(place(simulated=True))))
        assert made["simulated"] is True
        assert all(f["properties"]["simulated"] for f in made["features"])


class TestCsv:
    def read(self, text: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def test_one_row_for_each_measurement_usable_or_not(self) -> None:
        rows = self.read(table.sheet(export()))
        assert len(rows) == len(place().rows)
        unusable = rows[2]
        assert (unusable["value"], unusable["reason"]) == ("", str(Reason.ROUGH_SEA))
        assert [unusable[c] for c in ("expected", "expected_low", "z")] == ["", "", ""]

    def test_numbers_are_exact_and_untouched(self) -> None:
        rows = self.read(table.sheet(export()))
        assert float(rows[1]["value"]) == 0.1 + 0.2
        assert float(rows[0]["valid_fraction"]) == 1 / 3
        assert (rows[4]["value"], rows[0]["z"]) == ("-7.5", "-1.25")
        assert rows[0]["start_utc"] == "2024-10-04T09:20:00.250000Z"
        assert (rows[0]["expected"], rows[0]["expected_looks"]) == ("1.1", "20")

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＠"])
    def test_a_text_that_would_be_computed_begins_with_an_apostrophe(self, start: str) -> None:
        assert table.written(f"{start}1+1") == f"'{start}1+1"

    @given(value=st.floats(allow_nan=False, allow_infinity=False))
    def test_no_number_is_taken_for_a_text(self, value: float) -> None:
        assert float(table.written(value)) == value

    @given(text=HOSTILE, other=HOSTILE)
    def test_no_text_from_outside_is_computed(self, text: str, other: str) -> None:
        made = export(place(rows=[row(LOOKS[0], zone=text, platform=other, measure=other, recipe=text)]))
        encoded = table.sheet(made).encode()  # no half characters
        (read,) = self.read(encoded.decode())
        assert list(read) == list(table.COLUMNS)
        for name in table.TEXTS:
            assert not re.match(r"[\s=+\-@\0＝＋－＠]", read[name])
            assert "\0" not in read[name]


class TestParquet:
    def test_is_read_back_equal(self) -> None:
        made = parquet.frame(export())
        read = geopandas.read_parquet(io.BytesIO(parquet.parquet(export())))
        assert list(read.columns) == [*table.COLUMNS, "geometry"]
        assert read.crs == "OGC:CRS84"
        assert_geodataframe_equal(read, made, check_crs=False)

    def test_holds_the_rows_of_the_table(self) -> None:
        read = geopandas.read_parquet(io.BytesIO(parquet.parquet(export())))
        for (_, found), record in zip(read.iterrows(), table.records(export()), strict=True):
            for name, value in record.items():
                if value is None:
                    assert geopandas.pd.isna(found[name])
                else:
                    assert found[name] == value
        assert read.geometry[0].equals(CLOCKWISE)

    def test_metadata_are_those_of_geoparquet(self) -> None:
        import pyarrow.parquet

        schema = pyarrow.parquet.read_schema(io.BytesIO(parquet.parquet(export())))
        geo = strictly(schema.metadata[b"geo"].decode())
        assert geo["version"] == "1.1.0"
        assert geo["primary_column"] == "geometry"
        column = geo["columns"]["geometry"]
        assert column["encoding"] == "WKB"
        assert column["geometry_types"] == ["Polygon"]
        assert column["crs"]["id"] == {"authority": "OGC", "code": "CRS84"}
        assert column["bbox"] == pytest.approx([130.281, 42.221, 130.299, 42.239])

    def test_missing_numbers_are_missing_not_nan(self) -> None:
        import pyarrow.parquet

        read = pyarrow.parquet.read_table(io.BytesIO(parquet.parquet(export())))
        assert read["value"].null_count == 1
        assert read["z"].null_count == 2

    def test_nothing_measured_is_a_table_without_rows(self) -> None:
        read = geopandas.read_parquet(io.BytesIO(parquet.parquet(export(place(rows=[])))))
        assert len(read) == 0
        assert list(read.columns) == [*table.COLUMNS, "geometry"]

    def test_a_zone_that_is_gone_has_no_outline(self) -> None:
        made = export(place(rows=[row(LOOKS[0], zone="gone"), row(LOOKS[0])]))
        read = geopandas.read_parquet(io.BytesIO(parquet.parquet(made)))
        assert list(read.geometry.isna()) == [True, False]

    @given(text=HOSTILE)
    @settings(deadline=None, max_examples=40)
    def test_any_name_is_read_back(self, text: str) -> None:
        made = export(place(rows=[row(LOOKS[0], zone=text, platform=text)]))
        read = geopandas.read_parquet(io.BytesIO(parquet.parquet(made)))
        (record,) = table.records(made)
        assert (None if geopandas.pd.isna(read["zone"][0]) else read["zone"][0]) == record["zone"]


class TestStac:
    def test_one_item_for_each_usable_look(self) -> None:
        made = strictly(items.item_collection(export()))
        assert [f["id"] for f in made["features"]] == [f"rajin.{k.id}" for k in LOOKS if k.usable]
        assert made["quaywatch:places"] == [
            {
                "aoi": "rajin",
                "name": "Rajin port",
                "usable_looks": 3,
                "unusable_looks": {str(Reason.NOT_COVERED): 1},
            }
        ]

    def test_items_follow_the_schema_of_stac(self) -> None:
        """By the schemas of STAC 1.1 that come with pystac: nothing is fetched."""
        for item in strictly(items.item_collection(export()))["features"]:
            assert validate_dict(item) == ["https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json"]

    def test_is_read_back_equal(self) -> None:
        made = strictly(items.item_collection(export()))
        read = pystac.ItemCollection.from_dict(made)
        assert read.to_dict()["features"] == made["features"]
        first = read.items[0]
        assert first.datetime == START
        assert [k.target for k in first.get_links("derived_from")] == [HREF]
        assert first.geometry is not None
        assert shapely.geometry.shape(first.geometry).equals(OUTLINE)

    def test_measures_are_told_with_their_recipe_or_reason(self) -> None:
        _, second, _ = strictly(items.item_collection(export()))["features"]
        told = second["properties"]["quaywatch:measures"][0]
        assert (told["value"], told["reason"], told["recipe"]) == (None, str(Reason.ROUGH_SEA), "vessel_count/2")

    def test_an_outline_across_180_degrees_has_a_box_across_it(self) -> None:
        halves = shapely.MultiPolygon([shapely.box(179.9, 60, 180, 60.1), shapely.box(-180, 60, -179.9, 60.1)])
        zones = (Zone(name="outline", kind=ZoneKind.AREA, outline=halves),)
        first, *_ = strictly(items.item_collection(export(place(aoi=replace(AOI, outline=halves, zones=zones)))))[
            "features"
        ]
        assert first["bbox"] == [179.9, 60, -179.9, 60.1]
        assert validate_dict(first)


class TestStix:
    def test_is_valid_by_the_validator_of_oasis(self) -> None:
        for relation in Relation:
            for outcome in Outcome:
                assert faults(bundle(export(), said(relation, outcome=outcome))) == []

    def test_the_validator_finds_faults(self) -> None:
        broken = bundle(export(), said()).replace('"number_observed": 1', '"number_observed": 0', 1)
        assert faults(broken) != []

    def test_the_same_state_gives_the_same_bytes(self) -> None:
        later = replace(export(), made=MADE + timedelta(days=3))
        assert bundle(export(), said(Relation.AGREES)) == bundle(later, said(Relation.AGREES))

    def test_an_alert_that_goes_on_is_a_later_version_of_the_same_sighting(self) -> None:
        grown = replace(INCIDENT, state=State.FINISHED, ending=Ending.OVER, until=LOOKS[3].start)
        step = Noted(incident=grown, first=RECORDED, newest=RECORDED + timedelta(days=9))
        before = one(bundle(export(), said(Relation.AGREES)), "sighting")
        after = one(bundle(export(place(incidents=[step])), said(Relation.AGREES)), "sighting")
        assert after["id"] == before["id"]
        assert after["created"] == before["created"]
        assert after["modified"] > before["modified"]

    def test_other_words_are_another_claim(self) -> None:
        other = replace(CLAIM, text="Activity has fallen.")
        first = one(bundle(export(), said()), "x-quaywatch-claim")
        second = one(bundle(export(), said(claims=[other])), "x-quaywatch-claim")
        assert first["id"] != second["id"]

    def test_a_sighting_points_at_claim_looks_and_place(self) -> None:
        text = bundle(export(), said(Relation.AGREES))
        sighting, claim = one(text, "sighting"), one(text, "x-quaywatch-claim")
        assert sighting["sighting_of_ref"] == claim["id"]
        assert sighting["count"] == len(INCIDENT.looks)
        assert (sighting["first_seen"], sighting["last_seen"]) == (
            "2024-10-04T09:20:00.250Z",
            "2024-10-22T09:20:00.250Z",
        )
        (where,) = [o for o in objects(text, "location") if o["id"] in sighting["where_sighted_refs"]]
        assert where["name"] == "Rajin port: berths"
        looks = {o["id"]: o for o in objects(text, "x-quaywatch-look")}
        seen = [o for o in objects(text, "observed-data") if o["id"] in sighting["observed_data_refs"]]
        assert [looks[o["object_refs"][0]]["look"] for o in seen] == list(INCIDENT.looks)

    def test_the_opposite_is_a_sighting_of_none(self) -> None:
        assert one(bundle(export(), said(Relation.RUNS_AGAINST)), "sighting")["count"] == 0

    @pytest.mark.parametrize("relations", [(), (Relation.TOUCHES,), (Relation.AGREES, Relation.RUNS_AGAINST)], ids=str)
    def test_what_neither_agrees_nor_runs_against_is_no_sighting(self, relations: Sequence[Relation]) -> None:
        text = bundle(export(), said(*relations))
        assert objects(text, "sighting") == []
        assert INCIDENT.id in [n["abstract"] for n in objects(text, "note")]

    def test_not_to_have_looked_is_no_sighting(self) -> None:
        made = export(place(incidents=[Noted(incident=BLIND, first=RECORDED, newest=RECORDED)]))
        text = bundle(made, said())
        assert objects(text, "sighting") == []
        (blind,) = [n for n in objects(text, "note") if n["abstract"] == BLIND.id]
        assert "not 'no activity'" in blind["content"]
        assert faults(text) == []

    def test_what_was_taken_back_is_revoked(self) -> None:
        back = replace(INCIDENT, state=State.RETRACTED)
        made = export(place(incidents=[Noted(incident=back, first=RECORDED, newest=RECORDED)]))
        assert one(bundle(made, said(Relation.AGREES)), "sighting")["revoked"] is True

    @pytest.mark.parametrize(
        ("outcome", "opinion"),
        [
            (Outcome.SUPPORTED, "agree"),
            (Outcome.PARTLY, "neutral"),
            (Outcome.INCONCLUSIVE, "neutral"),
            (Outcome.CONTRADICTED, "disagree"),
        ],
    )
    def test_an_assessment_is_an_opinion(self, outcome: Outcome, opinion: str) -> None:
        text = bundle(export(), said(outcome=outcome))
        made = one(text, "opinion")
        assert made["opinion"] == opinion
        assert made["object_refs"] == [one(text, "x-quaywatch-claim")["id"]]
        assert made["created"] == "2024-12-01T06:00:00.000Z"
        assert made["external_references"][0]["external_id"] == "sha256:" + "ab" * 32

    def test_of_what_cannot_be_observed_there_is_no_opinion(self) -> None:
        assert objects(bundle(export(), said(outcome=Outcome.NOT_OBSERVABLE)), "opinion") == []

    @pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.NOT_OBSERVABLE])
    def test_likelihood_and_confidence_never_share_a_sentence(self, outcome: Outcome) -> None:
        told = one(bundle(export(), said(outcome=outcome)), "opinion")["explanation"]
        assert "too few looks; it was written" in told
        sentences = re.split(r"(?<=[.!?]) ", told)
        assert sum("onfidence" in s for s in sentences) == 1
        assert sum("likely" in s for s in sentences) == 1
        assert not any("onfidence" in s and "likely" in s for s in sentences)

    def test_places_are_points_that_hold_their_outline(self) -> None:
        lon, lat, radius = circle_of(CLOCKWISE)
        epsg = zone_of(CLOCKWISE)
        middle = project(shapely.Point(lon, lat), epsg)
        corners = shapely.get_coordinates(project(CLOCKWISE, epsg))
        assert max(middle.distance(shapely.Point(c)) for c in corners) == pytest.approx(radius, abs=0.01)
        (berths,) = [o for o in objects(bundle(export(), said()), "location") if o["name"] == "Rajin port: berths"]
        assert berths["precision"] == pytest.approx(radius + 30, abs=0.1)
        (told,) = berths["extensions"].values()
        assert shapely.geometry.shape(told["polygon"]).equals(CLOCKWISE)

    def test_a_place_across_180_degrees_is_one_point(self) -> None:
        halves = shapely.MultiPolygon([shapely.box(179.9, 60, 180, 60.1), shapely.box(-180, 60, -179.9, 60.1)])
        lon, lat, radius = circle_of(halves)
        assert abs(lon) == pytest.approx(180, abs=0.01)
        assert lat == pytest.approx(60.05, abs=0.01)
        assert 7_000 < radius < 9_000

    def test_credit_and_simulation_are_marked(self) -> None:
        text = bundle(export(place(simulated=True, attribution="SIMULATED")), said(Relation.AGREES))
        mark = one(text, "marking-definition")
        assert mark["definition"] == {"statement": "SIMULATED"}
        for kind in ("observed-data", "sighting", "opinion", "report", "note"):
            for made in objects(text, kind):
                assert made["object_marking_refs"] == [mark["id"]]
                assert made["labels"] == ["simulated"]
        assert all(o["simulated"] for o in objects(text, "x-quaywatch-look"))
        assert faults(text) == []

    def test_the_library_reads_it_back(self) -> None:
        read = stix2.parse(bundle(export(), said(Relation.AGREES)), allow_custom=True)
        assert {o["type"] for o in read.objects} >= {"location", "identity", "observed-data", "sighting", "opinion"}

    def test_a_place_without_looks_says_so(self) -> None:
        text = bundle(export(place(looks=[], rows=[], incidents=[], attribution="")), Said())
        assert "not 'no activity'" in one(text, "note")["content"]
        assert faults(text) == []


class TestHostileNames:
    @given(name=HOSTILE, text=HOSTILE)
    @settings(deadline=None, max_examples=60)
    def test_no_format_breaks_or_passes_on_control_characters(self, name: str, text: str) -> None:
        aoi = replace(AOI, name=name)
        incident = replace(INCIDENT, id=name, zone=text)
        made = export(
            place(
                aoi=aoi,
                looks=[replace(LOOKS[0], platform=name, scenes=(text,))],
                rows=[row(LOOKS[0], zone=text, platform=name)],
                incidents=[Noted(incident=incident, first=RECORDED, newest=RECORDED)],
            )
        )
        claim = replace(CLAIM, id=text, text=name, said_by=name, against=text)
        document = replace(DOCUMENT, publisher=name, title=text)
        told = Said(
            claims=[claim],
            documents=[document],
            bearings={incident.id: [replace(bearing(Relation.AGREES, claim), says=name)]},
            assessed=[
                judged(
                    Outcome.SUPPORTED,
                    claim=text,
                    expectations=[Judged(id=name, outcome=Outcome.SUPPORTED, standing=text, comparisons=())],
                )
            ],
        )
        for written in (features.collection(made), items.item_collection(made), bundle(made, told)):
            written.encode()
            value = strictly(written)
            for found in texts(value):
                assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", found)

    @given(name=HOSTILE, text=HOSTILE)
    @settings(deadline=None, max_examples=15)
    def test_stix_and_stac_stay_valid(self, name: str, text: str) -> None:
        claim = replace(CLAIM, id=text, text=name, said_by=name)
        told = said(claims=[claim], assessed=[judged(Outcome.CONTRADICTED, claim=text, id=name)])
        made = export(place(aoi=replace(AOI, name=name)))
        assert faults(bundle(made, told)) == []
        for item in strictly(items.item_collection(made))["features"]:
            assert validate_dict(item)


class TestAssessed:
    def entry(self, **changes: Any) -> dict[str, Any]:
        made = {
            "id": "assessment:c1:1",
            "what": "assessment",
            "recorded": RECORDED.isoformat(),
            "claim": "c1",
            "as_of": RECORDED.isoformat(),
            "outcome": "supported",
            "likelihood": {"word": "likely", "band": "55-80 %"},
            "confidence": "moderate",
            "expectations": [
                {
                    "id": "E1",
                    "outcome": "supported",
                    "standing": "fixed beforehand",
                    "sha256": "00",
                    "doubts": ["too few looks", "it was written or changed after its window opened"],
                    "comparisons": [
                        {
                            "baseline": "2023",
                            "window": {"counted": 12, "usable": 14, "every": 20, "total": 30.0},
                            "base": {"counted": 12, "usable": 14, "every": 20, "total": 30.0},
                            "effect": [2.0, 1.4, 2.9],
                            "power": 0.9,
                        }
                    ],
                }
            ],
            "doubts": ["too few looks"],
            "evidence": {"folder": "alerts/evidence/x", "sha256": "ab" * 32},
        }
        return {**made, **changes}

    def test_reads_what_the_log_holds(self) -> None:
        (read,) = assessed.newest([{"what": "frozen", "id": "x"}, self.entry()], MADE)
        assert read == judged(Outcome.SUPPORTED, id="assessment:c1:1")

    def test_the_hash_of_the_evidence_may_stand_by_itself_or_be_missing(self) -> None:
        (read,) = assessed.newest([self.entry(evidence="cd" * 32)], MADE)
        assert read.evidence == "cd" * 32
        (read,) = assessed.newest([self.entry(evidence=None, doubts=None)], MADE)
        assert read.evidence == ""

    def test_the_newest_of_each_claim_counts(self) -> None:
        late = (RECORDED + timedelta(days=5)).isoformat()
        entries = [
            self.entry(outcome="contradicted", as_of=late, recorded=late),
            self.entry(),
            self.entry(claim="c2"),
        ]
        told = {a.claim: a.outcome for a in assessed.newest(entries, MADE)}
        assert told == {"c1": Outcome.CONTRADICTED, "c2": Outcome.SUPPORTED}
        told = {a.claim: a.outcome for a in assessed.newest(entries, RECORDED + timedelta(days=1))}
        assert told["c1"] is Outcome.SUPPORTED

    @pytest.mark.parametrize(
        "change",
        [{"outcome": "true"}, {"expectations": None}, {"as_of": 3}, {"likelihood": "likely"}, {"recorded": "soon"}],
        ids=str,
    )
    def test_a_line_of_another_version_is_named(self, change: dict[str, Any]) -> None:
        with pytest.raises(WorkspaceError, match="assessment:c1:1"):
            assessed.newest([self.entry(**change)], MADE)


class TestWriting:
    def test_writes_once(self, tmp_path: Path) -> None:
        target = tmp_path / "out.csv"
        writing.put(target, b"first", force=False)
        with pytest.raises(UsageError, match="is there already"):
            writing.put(target, b"second", force=False)
        assert target.read_bytes() == b"first"
        writing.put(target, b"second", force=True)
        assert target.read_bytes() == b"second"
        assert list(tmp_path.iterdir()) == [target]

    def test_a_link_to_nowhere_is_something_too(self, tmp_path: Path) -> None:
        target = tmp_path / "out.csv"
        target.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(UsageError):
            writing.put(target, b"x", force=False)
        writing.put(target, b"x", force=True)
        assert not (tmp_path / "elsewhere").exists()
        assert target.read_bytes() == b"x"

    @pytest.mark.parametrize("force", [False, True])
    def test_a_folder_is_never_replaced(self, tmp_path: Path, force: bool) -> None:
        with pytest.raises(UsageError, match="is a folder"):
            writing.put(tmp_path, b"x", force=force)

    def test_what_cannot_be_written_leaves_nothing(self, tmp_path: Path) -> None:
        for target in (tmp_path / "none" / "out.csv", tmp_path / ("x" * 300)):
            with pytest.raises(WorkspaceError, match="cannot be written"):
                writing.put(target, b"x", force=False)
        assert list(tmp_path.iterdir()) == []
