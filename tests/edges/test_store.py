"""The database: its schema, its transactions, its claims, and what it packs."""

from __future__ import annotations

import json
import math
import sqlite3
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from monitor.alert import Change, Incident, Kind, State
from monitor.errors import StoreError
from monitor.look import Look
from monitor.measurement import Measurement, Reason
from monitor.reference import BINS, Reference
from monitor.scene import Direction, Pass, Scene, Sensor, Track
from monitor.store import SavedReference, Seen, Store, schema
from monitor.store.packing import incident_from, incident_json, pack, unpack

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
TRACK = Track(sensor=Sensor.SENTINEL1, relative_orbit=21, direction=Direction.DESCENDING, polarisation="VV")


def seen(day: int, *slices: str, reason: Reason | None = None, value: float = 2.0) -> Seen:
    start = NOW + timedelta(days=day)
    names = slices or (f"scene{day}",)
    scenes = tuple(
        Scene(
            id=n,
            track=TRACK,
            platform="sentinel-1a",
            start=start,
            end=start,
            footprint=shapely.box(0, 0, 1, 1),
            assets={},
            item={"id": n, "properties": {"ü": [1, None]}},
        )
        for n in names
    )
    taken = Pass(scenes=scenes)
    look = Look(
        id=taken.id,
        aoi="rajin",
        track=TRACK,
        platform="sentinel-1a",
        start=start,
        scenes=tuple(sorted(names)),
        valid_fraction=0.75,
        reason=reason,
        detail="words" if reason else "",
    )
    measured = Measurement(
        zone="berths",
        measure="vessel_count",
        value=math.nan if reason else value,
        unit="1",
        n_valid=100,
        valid_fraction=0.75,
        recipe="vessel_count/1",
        reason=reason,
    )
    return Seen(look=look, taken=taken, source="folder:1", measurements=[measured], reference_looks=12)


INCIDENT = Incident(
    aoi="rajin",
    zone="berths",
    measure="vessel_count",
    kind=Kind.SURGE,
    state=State.PROVISIONAL,
    onset=NOW,
    raised=NOW + timedelta(days=20),
    looks=("a", "b"),
    tracks=("s1-021d-vv",),
    mean=4.0,
    usual=1.5,
    baseline_looks=30,
    peak=6.5,
    hits=(True, False),
    id="rajin.berths.vessel_count.surge.20250301",
)
CHANGE = Change(incident=INCIDENT, old=None, new=State.PROVISIONAL, at=NOW, reason="because")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "quaywatch.sqlite"


@pytest.fixture
def store(path: Path) -> Any:
    opened = Store(path)
    yield opened
    opened.close()


# schema and migrations


def migrations(connection: sqlalchemy.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "monitor.store:migrations")
    config.attributes["connection"] = connection
    return config


def engine(path: Path) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(f"sqlite:///{path}", poolclass=sqlalchemy.NullPool)


def tables(path: Path) -> dict[str, list[Any]]:
    with engine(path).begin() as connection:
        inspector = sqlalchemy.inspect(connection)
        return {
            name: [
                [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)],
                inspector.get_pk_constraint(name)["constrained_columns"],
                sorted((i["name"] or "", i["column_names"]) for i in inspector.get_indexes(name)),
                [
                    (f["constrained_columns"], f["referred_table"], f["options"])
                    for f in inspector.get_foreign_keys(name)
                ],
            ]
            for name in inspector.get_table_names()
            if name != "alembic_version"
        }


def test_the_migrations_lead_to_the_schema(store: Store, path: Path) -> None:
    with engine(path).begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        assert compare_metadata(context, schema.metadata) == []
        assert context.get_current_revision() == schema.HEAD
        assert ScriptDirectory.from_config(migrations(connection)).get_current_head() == schema.HEAD


def test_the_migrations_make_keys_and_indexes_too(store: Store, path: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.sqlite"
    with engine(made).begin() as connection:
        schema.metadata.create_all(connection)
    assert tables(path) == tables(made)


def test_the_way_down_is_open_and_up_again(store: Store, path: Path) -> None:
    store.close()
    before = tables(path)
    with engine(path).begin() as connection:
        command.downgrade(migrations(connection), "base")
    assert tables(path) == {}
    Store(path).close()
    assert tables(path) == before


def test_a_database_of_a_newer_version_is_refused_and_left_alone(store: Store, path: Path) -> None:
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another version") as caught:
        Store(path)
    assert "newest" in caught.value.hint
    assert path.read_bytes() == before


# files that are no database


def test_a_file_that_is_no_database_is_named_and_left_alone(path: Path) -> None:
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match=str(path)) as caught:
        Store(path)
    assert "backup" in caught.value.hint
    assert path.read_bytes() == b"not a database" * 1000


def test_a_place_where_no_database_can_be_is_named(tmp_path: Path) -> None:
    for place in (tmp_path / "gone" / "q.sqlite", tmp_path):
        with pytest.raises(StoreError, match=str(place)):
            Store(place)


def test_damage_that_shows_only_later_is_told_the_same_way(store: Store, path: Path) -> None:
    with store.transaction() as tx:
        for day in range(200):
            tx.record_look(seen(day))
    store.close()
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xa5" * (len(data) - 8192)
    path.write_bytes(bytes(data))
    with pytest.raises(StoreError, match=str(path)) as caught:  # noqa: PT012 - opening or reading, whichever sees it
        damaged = Store(path)
        try:
            with damaged.transaction() as tx:
                tx.looks("rajin")
        finally:
            damaged.close()
    assert caught.value.hint


def test_our_own_errors_pass_through_a_transaction_as_they_are(store: Store) -> None:
    with pytest.raises(KeyError), store.transaction():
        raise KeyError("x")


# what is kept


def filled(store: Store) -> None:
    with store.transaction() as tx:
        tx.record_look(seen(0))
        tx.record_look(seen(1, "b", "a"))
        tx.record_look(seen(2, reason=Reason.CLOUD))
        tx.record_incidents([INCIDENT], [CHANGE], NOW)
        tx.queue_delivery(CHANGE, "desk@example.org", "<m@x>", NOW)
        tx.set_poll("rajin", last=NOW, next_=NOW + timedelta(hours=6), problem="p")


def everything(store: Store) -> list[Any]:
    with store.transaction() as tx:
        return [
            tx.looks("rajin"),
            tx.measurements("rajin"),
            tx.points("rajin"),
            tx.known_looks("rajin"),
            tx.known_items("rajin"),
            tx.incidents(),
            tx.changes(),
            tx.deliveries(),
            tx.poll_rows(),
            tx.counts(),
        ]


def test_reopening_keeps_everything(store: Store, path: Path) -> None:
    filled(store)
    before = everything(store)
    store.close()
    again = Store(path)
    assert everything(again) == before
    again.close()


def test_values_come_back_as_they_went_in(store: Store) -> None:
    filled(store)
    with store.transaction() as tx:
        assert [look for look, _ in tx.looks("rajin")] == [
            seen(0).look,
            seen(1, "b", "a").look,
            seen(2, reason=Reason.CLOUD).look,
        ]
        assert [p.value for p in tx.points("rajin")["berths", "vessel_count"]] == [2.0, 2.0], "unusable ones are none"
        assert [r["reason"] for r in tx.measurements("rajin", "berths", "vessel_count")] == [None, None, "cloud"]
        assert tx.measurements("rajin", "yard") == []
        assert tx.usable_instants("rajin") == [NOW, NOW + timedelta(days=1)]
        assert tx.incidents("rajin") == [INCIDENT]
        assert tx.incidents("dunai") == []
        assert tx.changes(logged=False) == [(CHANGE, NOW)]
        assert tx.items("rajin", seen(1, "b", "a").look.id) == [
            ("folder:1", {"id": n, "properties": {"ü": [1, None]}}) for n in ("a", "b")
        ]
        assert tx.looks("dunai") == []


def test_a_look_takes_the_place_of_its_earlier_version(store: Store) -> None:
    with store.transaction() as tx:
        tx.record_look(seen(0, "a", reason=Reason.UNREADABLE))
        tx.record_look(seen(0, "a", "b", value=3.0))
        assert [look.scenes for look, _ in tx.looks("rajin")] == [("a", "b")]
        assert [r["value"] for r in tx.measurements("rajin")] == [3.0]
        tx.record_look(seen(1, "b"))
        assert [look.scenes for look, _ in tx.looks("rajin")] == [("a",), ("b",)], "a scene is in one look only"
        tx.forget_looks("rajin", [seen(0).look.id])
        assert tx.counts() | {"looks": 1, "scenes": 1, "measurements": 1} == tx.counts()


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    filled(store)
    before = everything(store)
    with pytest.raises(RuntimeError), store.transaction() as tx:  # noqa: PT012 - the block is the transaction
        tx.record_look(seen(7))
        tx.forget_looks("rajin", [seen(0).look.id])
        tx.record_incidents([replace(INCIDENT, state=State.CONFIRMED)], [], NOW)
        tx.mark_logged(CHANGE.id)
        tx.finish_delivery(CHANGE.id, "desk@example.org", "sent")
        raise RuntimeError
    assert everything(store) == before


def test_a_recorded_step_stays_as_it_is(store: Store) -> None:
    filled(store)
    with store.transaction() as tx:
        tx.mark_logged(CHANGE.id)
        tx.record_incidents([INCIDENT], [replace(CHANGE, reason="other")], NOW + timedelta(days=1))
        assert tx.changes(logged=True) == [(CHANGE, NOW)]
        assert tx.changes(logged=False) == []


# deliveries


def test_of_two_that_claim_a_delivery_one_gets_it(path: Path, store: Store) -> None:
    filled(store)
    for _ in range(5):
        with store.transaction() as tx:
            tx.finish_delivery(CHANGE.id, "desk@example.org", "waiting")
        barrier = threading.Barrier(4)
        won: list[bool] = []

        def claim(barrier: threading.Barrier = barrier, won: list[bool] = won) -> None:
            other = Store(path)
            barrier.wait()
            with other.transaction() as tx:
                won.append(tx.claim_delivery(CHANGE.id, "desk@example.org", NOW))
            other.close()

        threads = [threading.Thread(target=claim) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(won) == [False, False, False, True]
    with store.transaction() as tx:
        (row,) = tx.deliveries()
    assert (row["state"], row["attempts"]) == ("sending", 5)


def test_a_delivery_is_not_claimed_before_its_time(store: Store) -> None:
    filled(store)
    with store.transaction() as tx:
        assert not tx.claim_delivery(CHANGE.id, "desk@example.org", NOW - timedelta(seconds=1))
        assert not tx.claim_delivery(CHANGE.id, "nobody@example.org", NOW)
        assert tx.claim_delivery(CHANGE.id, "desk@example.org", NOW)
        tx.finish_delivery(CHANGE.id, "desk@example.org", "sent")
        assert not tx.claim_delivery(CHANGE.id, "desk@example.org", NOW + timedelta(days=1)), "sent is sent"
        tx.queue_delivery(CHANGE, "desk@example.org", "<other@x>", NOW)
        assert [(d["state"], d["message_id"]) for d in tx.deliveries()] == [("sent", "<m@x>")], "asked for once"


# packing


@settings(max_examples=25)
@given(
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=6).flatmap(
        lambda shape: st.builds(
            Reference,
            looks=st.integers(0, 10_000),
            histogram=hnp.arrays(np.uint8, (BINS, *shape)),
            mean=hnp.arrays(np.float32, shape, elements=st.floats(width=32)),
            seen=hnp.arrays(np.uint16, shape),
        )
    )
)
def test_a_reference_survives_packing_bit_by_bit(reference: Reference) -> None:
    again = unpack(pack(reference))
    assert again.looks == reference.looks
    for name in ("histogram", "mean", "seen"):
        before, after = getattr(reference, name), getattr(again, name)
        assert (before.dtype, before.shape) == (after.dtype, after.shape)
        assert before.tobytes() == after.tobytes()


def test_a_saved_reference_is_found_by_its_recipe_only(store: Store) -> None:
    made = Reference(
        looks=3,
        histogram=np.ones((BINS, 2, 3), np.uint8),
        mean=np.ones((2, 3), np.float32),
        lowest=np.full((2, 2, 3), -2000, np.int16),
        seen=np.ones((2, 3), np.uint16),
    )
    with store.transaction() as tx:
        tx.save_reference("rajin", "s1-021d-vv", "reference/1", SavedReference(reference=made, position=4, digest="d"))
        tx.save_reference("rajin", "s1-021d-vv", "reference/1", SavedReference(reference=made, position=5, digest="e"))
        found = tx.reference("rajin", "s1-021d-vv", "reference/1")
        assert found is not None
        assert (found.position, found.digest, found.reference.looks) == (5, "e", 3)
        assert tx.reference("rajin", "s1-021d-vv", "reference/2") is None
        assert tx.reference("rajin", "s1-087a-vv", "reference/1") is None


moments = st.integers(0, 2_500_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))
words = st.text(max_size=12)
numbers = st.floats(allow_infinity=False)


@settings(max_examples=100)
@given(
    st.builds(
        Incident,
        aoi=words,
        zone=words,
        measure=words,
        kind=st.sampled_from(Kind),
        state=st.sampled_from(State),
        onset=moments,
        raised=moments,
        until=st.none() | moments,
        looks=st.lists(words, max_size=4).map(tuple),
        tracks=st.lists(words, max_size=2).map(tuple),
        mean=numbers,
        usual=numbers,
        baseline_looks=st.integers(0, 10_000),
        peak=st.floats(allow_nan=False, allow_infinity=False),
        hits=st.lists(st.booleans(), max_size=5).map(tuple),
        id=words,
    )
)
def test_an_incident_survives_the_way_through_json(incident: Incident) -> None:
    text = incident_json(incident)
    json.loads(text, parse_constant=pytest.fail)  # JSON knows no NaN
    again = incident_from(text)
    for name in ("mean", "usual"):
        before, after = getattr(incident, name), getattr(again, name)
        assert before == after or (math.isnan(before) and math.isnan(after))
    assert replace(again, mean=0, usual=0) == replace(incident, mean=0, usual=0)
    assert incident_json(again) == text
