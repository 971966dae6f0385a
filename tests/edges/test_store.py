"""The database: its schema, its transactions, its claims, and what it packs."""

from __future__ import annotations

import json
import math
import sqlite3
import subprocess
import sys
import threading
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE
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

from monitor import track_state
from monitor.alert import Calibration, Change, Ending, Incident, Interval90, Kind, Mark, MarkKind, Recall, State
from monitor.aoi import Aoi, Zone, ZoneKind
from monitor.errors import StoreError
from monitor.grid import Grid
from monitor.look import Look
from monitor.measurement import Measurement, Reason
from monitor.scene import Direction, Pass, Scene, Sensor, Track
from monitor.site import Site
from monitor.store import Notice, SavedState, Seen, Store, Transaction, schema
from monitor.store.packing import incident_from, incident_json, pack, unpack
from monitor.track_state import Past, TrackState

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
MONTH = "2025-03"
TRACK = Track(sensor=Sensor.SENTINEL1, relative_orbit=21, direction=Direction.DESCENDING, polarisation="VV")


def seen(
    day: int,
    *slices: str,
    reason: Reason | None = None,
    value: float = 2.0,
    processed: str = "",
    track: Track = TRACK,
    zone: str = "berths",
) -> Seen:
    start = NOW + timedelta(days=day)
    names = slices or (f"scene{day}",)
    scenes = tuple(
        Scene(
            id=n,
            track=track,
            platform="sentinel-1a",
            start=start,
            end=start,
            footprint=shapely.box(0, 0, 1, 1),
            assets={},
            source="folder:1",
            processed=processed,
            item={"id": n, "properties": {"ü": [1, None]}},
        )
        for n in names
    )
    taken = Pass(scenes=scenes)
    look = Look(
        id=taken.id,
        aoi="rajin",
        track=track,
        platform="sentinel-1a",
        start=start,
        scenes=tuple(sorted(names)),
        valid_fraction=0.75,
        reason=reason,
        detail="words" if reason else "",
    )
    measured = Measurement(
        zone=zone,
        measure="vessel_count",
        value=math.nan if reason else value,
        unit="1",
        n_valid=100,
        valid_fraction=0.75,
        recipe="vessel_count/1",
        reason=reason,
    )
    return Seen(look=look, taken=taken, measurements=[measured], reference_looks=12)


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
    evidence=2.5,
    hits=(True, False),
    id="rajin.berths.vessel_count.surge.20250301",
)
CHANGE = Change(incident=INCIDENT, old=None, new=State.PROVISIONAL, at=NOW, reason="because")
MARK = Mark(incident=INCIDENT.id, kind=MarkKind.SNOOZE, at=NOW, by="Mia", note="ice", after=NOW - timedelta(days=1))
CALIBRATION = Calibration(
    aoi="rajin",
    at=NOW,
    looks=120,
    placebos=500,
    years=1500.0,
    budget=1.0,
    false_alarms_a_year=Interval90(0.9, 0.8, 1.05),
    recall=(
        Recall(
            zone="berths",
            measure="vessel_count",
            ratio=2.0,
            looks=20,
            found=Interval90(0.8, 0.7, 0.88),
            delay_looks=9.0,
        ),
        Recall(
            zone="yard",
            measure="yard_fill",
            ratio=0.5,
            looks=20,
            found=Interval90(0.0, 0.0, 0.1),
            delay_looks=None,
        ),
    ),
    recipes=("vessel_count/3", "yard_fill/2"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "quaywatch.sqlite"


@pytest.fixture
def store(path: Path) -> Any:
    opened = Store(path)
    yield opened
    opened.close()


# schema and migrations


def reserve(tx: Transaction, forecast: float, requests: int = 1, *, at: datetime = NOW, cap: float = 100.0) -> str:
    """A reservation that must be given."""
    given = maybe(tx, forecast, requests, at=at, cap=cap)
    assert given is not None
    return given


def maybe(tx: Transaction, forecast: float, requests: int = 1, *, at: datetime = NOW, cap: float = 100.0) -> str | None:
    return tx.reserve_units(
        "sh",
        f"{at:%Y-%m}",
        forecast=forecast,
        requests=requests,
        cap_units=cap,
        cap_requests=1000,
        what="a look",
        at=at,
    )


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
        tx.settle_units(reserve(tx, 1.5), 1.25)
        reserve(tx, 3.0)
        tx.close_source("sh", NOW + timedelta(days=3), "quota")
        tx.open_notice("silent", "rajin s1-021d-vv", "nothing came", NOW)
        tx.add_mark(MARK)
        tx.save_calibration(CALIBRATION)


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
            tx.units_of_month("sh", MONTH),
            tx.closures(NOW),
            tx.notices(),
            tx.marks(),
            tx.calibration("rajin"),
            tx.evidence_looks(),
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
        assert [at for _, at in tx.usable_instants("rajin")] == [NOW, NOW + timedelta(days=1)]
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
        reserve(tx, 1.0)
        tx.close_source("sh", NOW + timedelta(days=9), "quota")
        tx.end_notice("silent", "rajin s1-021d-vv", NOW)
        raise RuntimeError
    assert everything(store) == before


def test_a_recorded_step_stays_as_it_is(store: Store) -> None:
    filled(store)
    with store.transaction() as tx:
        tx.mark_logged(CHANGE.id)
        tx.record_incidents([INCIDENT], [replace(CHANGE, reason="other")], NOW + timedelta(days=1))
        assert tx.changes(logged=True) == [(CHANGE, NOW)]
        assert tx.changes(logged=False) == []


# versions of scenes


def test_a_product_made_again_under_its_id_is_noticed(store: Store) -> None:
    made, again = seen(0, processed="2025-03-02T00:00:00Z"), seen(0, processed="2025-06-02T00:00:00Z")
    with store.transaction() as tx:
        tx.record_look(made)
        known = tx.known_looks("rajin")[made.look.id]
    pairs = [frozenset((s.id, s.version) for s in x.taken.scenes) for x in (made, again)]
    assert known.scenes == pairs[0] == {("scene0", "/2025-03-02T00:00:00Z")}
    assert known.is_of(pairs[0])
    assert not known.is_of(pairs[1])
    assert not known.is_of(pairs[0] | {("more", "/")})
    assert not known.is_of(frozenset())
    assert known.is_of(known.scenes)


def test_a_look_recorded_before_versions_were_is_not_read_again(store: Store, path: Path) -> None:
    filled(store)
    store.close()
    with engine(path).begin() as connection:
        command.downgrade(migrations(connection), "0002")
    again = Store(path)
    with again.transaction() as tx:
        known = tx.known_looks("rajin")[seen(1, "b", "a").look.id]
        assert len(tx.looks("rajin")) == 3
        assert tx.notices() == []
        assert tx.known_items("rajin", but={"a", "scene0"}) == [
            ("folder:1", {"id": n, "properties": {"ü": [1, None]}}) for n in ("b", "scene2")
        ]
    again.close()
    assert known.scenes == {("a", ""), ("b", "")}
    assert known.is_of(frozenset({("a", "05.11/2025-03-02T00:00:00Z"), ("b", "/")}))
    assert not known.is_of(frozenset({("a", ""), ("c", "")}))


def test_the_source_of_each_scene_is_kept(store: Store) -> None:
    """After a fail-over the slices of one pass come from several."""
    whole = seen(0, "a", "b")
    mixed = Pass(scenes=tuple(replace(s, source=f"of {s.id}") for s in whole.taken.scenes))
    with store.transaction() as tx:
        tx.record_look(replace(whole, taken=mixed))
        assert [source for source, _ in tx.known_items("rajin")] == ["of a", "of b"]
        assert [source for source, _ in tx.items("rajin", whole.look.id)] == ["of a", "of b"]
        assert sorted(source for source, _ in tx.some_items("rajin")) == ["of a", "of b"]


# evidence


def test_what_was_told_rests_on_its_looks_and_those_before(store: Store) -> None:
    other = replace(TRACK, relative_orbit=87, direction=Direction.ASCENDING)
    names = {}
    with store.transaction() as tx:
        for day in range(-40, 0, 2):
            for kind, one in {
                "of the track": seen(day),
                "of another track": seen(day, f"o{day}", track=other),
                "unusable": seen(day + 1, f"u{day}", reason=Reason.CLOUD),
            }.items():
                tx.record_look(one)
                names[kind, day] = one.look.id
        elsewhere = seen(-1, "z", zone="yard")
        tx.record_look(elsewhere)
        tx.record_look(seen(0))
        assert tx.evidence_looks() == set()
        told = replace(INCIDENT, looks=("a", "b", "c"))
        tx.record_incidents([replace(INCIDENT, state=State.RETRACTED)], [replace(CHANGE, incident=told)], NOW)
        found = tx.evidence_looks()
    own = {("rajin", look) for look in ("a", "b", "c")}
    assert own < found, "as it stands and as it was told"
    assert found - own == {("rajin", names["of the track", day]) for day in range(-24, 0, 2)}


def test_a_time_without_looks_has_no_evidence_of_its_own(store: Store) -> None:
    blind = replace(INCIDENT, kind=Kind.BLIND, zone="", measure="", looks=(), tracks=(), state=State.BLIND)
    with store.transaction() as tx:
        tx.record_look(seen(-1))
        tx.record_incidents([blind], [], NOW)
        assert tx.evidence_looks() == set()


# processing units


def test_units_are_set_aside_booked_and_released(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.units_of_month("sh", MONTH) == (0.0, 0)
        first, second, third = reserve(tx, 1.5), reserve(tx, 2.0, 3), reserve(tx, 0.25, 0)
        assert tx.units_of_month("sh", MONTH) == (3.75, 4)
        assert tx.settle_units(first, 1.25)
        assert tx.units_of_month("sh", MONTH) == (3.5, 4)
        assert tx.release_units(second)
        assert tx.units_of_month("sh", MONTH) == (1.5, 1), "neither its units nor its requests count"
        assert not tx.settle_units(second, 5.0), "released is released"
        assert not tx.release_units(first), "booked is booked"
        assert tx.settle_units(third, 0.0)
        assert not tx.settle_units("none", 1.0)
        assert not tx.release_units("none")
        spent = tx.units_of_month("sh", MONTH)
        assert (spent.units, spent.requests) == (1.25, 1)
        assert tx.units_of_month("sh", "2025-04") == tx.units_of_month("other", MONTH) == (0.0, 0)
        assert len({first, second, third}) == 3


def test_a_cap_is_reached_and_not_passed(store: Store) -> None:
    with store.transaction() as tx:
        for _ in range(10):
            last = reserve(tx, 0.1, cap=1.0)  # ten tenths are a little less or more than one
        assert maybe(tx, 0.001, cap=1.0) is None
        assert tx.units_of_month("sh", MONTH).requests == 10, "what is refused is not noted"
        tx.release_units(last)
        assert maybe(tx, 0.1, 990, cap=1.0) is not None
        assert maybe(tx, 0.0, 2, cap=1.0) is None, "requests have a cap too"
        next_month = NOW + timedelta(days=31)
        assert reserve(tx, 1.0, at=next_month, cap=1.0)


def test_what_a_dead_process_set_aside_is_booked_after_a_day(store: Store) -> None:
    with store.transaction() as tx:
        left, fresh = reserve(tx, 2.0), reserve(tx, 1.0, at=NOW + timedelta(hours=12))
        reserve(tx, 0.5, at=NOW + timedelta(hours=25))
        assert tx.units_of_month("sh", MONTH) == (3.5, 3)
        assert not tx.release_units(left), "whether it was charged is unknown"
        assert tx.release_units(fresh)
        assert tx.settle_units(left, 1.75), "unless it is known after all"
        assert tx.units_of_month("sh", MONTH) == (2.25, 2)


SPENDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from monitor.store import Store

store = Store(Path(sys.argv[1]))
sys.stdin.readline()
given = 0
for turn in range(40):
    with store.transaction() as tx:
        id_ = tx.reserve_units("sh", "2025-03", forecast=1.0, requests=2, cap_units=50.5, cap_requests=1000,
                               what="", at=datetime(2025, 3, 1, tzinfo=UTC))
    if id_ is not None:
        given += 1
        with store.transaction() as tx:
            tx.settle_units(id_, 1.0)
store.close()
print(given)
"""


def test_processes_that_spend_at_once_never_pass_the_cap(store: Store, path: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", SPENDER, path], stdin=PIPE, stdout=PIPE, text=True) for _ in range(3)
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    given = [int(process.communicate(timeout=60)[0]) for process in running]
    assert sum(given) == 50, given
    with store.transaction() as tx:
        assert tx.units_of_month("sh", MONTH) == (50.0, 100)


def test_threads_that_spend_at_once_never_pass_the_cap(store: Store) -> None:
    barrier, given = threading.Barrier(4), []

    def spend() -> None:
        barrier.wait()
        for _ in range(20):
            with store.transaction() as tx:
                given.append(maybe(tx, 1.0, cap=30.0))

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(g is not None for g in given) == 30


def test_a_source_is_closed_until_the_later_instant(store: Store) -> None:
    soon, late = NOW + timedelta(days=2), NOW + timedelta(days=31)
    with store.transaction() as tx:
        assert tx.closed_until("sh", NOW) is None
        tx.close_source("sh", late, "the quota is used up")
        tx.close_source("sh", soon, "too many requests")
        assert tx.closed_until("sh", NOW) == late
        assert [(c.source, c.until, c.why) for c in tx.closures(NOW)] == [("sh", late, "the quota is used up")]
        assert tx.closed_until("sh", late - timedelta(seconds=1)) == late
        assert tx.closed_until("sh", late) is None
        assert tx.closed_until("other", NOW) is None
        assert tx.open_source("sh")
        assert not tx.open_source("sh")
        assert tx.closures(NOW) == []
        tx.close_source("sh", soon, "x")
        tx.close_source("sh", late, "y")
        assert [(c.until, c.why) for c in tx.closures(NOW)] == [(late, "y")]


# notices


def test_a_notice_begins_lasts_and_ends_once(store: Store) -> None:
    hour = timedelta(hours=1)
    with store.transaction() as tx:
        assert tx.open_notice("silent", "rajin S1", "since Monday", NOW)
        assert not tx.open_notice("silent", "rajin S1", "since Monday, 3 passes", NOW + hour)
        assert not tx.open_notice("silent", "rajin S1", "since Monday, 2 passes", NOW - hour)
        assert tx.open_notice("silent", "dunai S1", "too", NOW + hour)
        assert tx.open_notice("failing", "rajin S1", "too", NOW + hour)
        (notice, *_) = tx.notices()
        assert notice == Notice(
            id=notice.id,
            kind="silent",
            subject="rajin S1",
            text="since Monday, 2 passes",
            first=NOW,
            last=NOW + hour,
            ended=None,
            told=False,
        )
        tx.mark_notice_told(notice.id)
        assert not tx.open_notice("silent", "rajin S1", "since Monday, 4 passes", NOW + 2 * hour)
        assert [n.told for n in tx.notices()] == [True, False, False], "a new text is not told again"
        assert tx.end_notice("silent", "rajin S1", NOW + 3 * hour)
        assert not tx.end_notice("silent", "rajin S1", NOW + 4 * hour), "once"
        assert not tx.end_notice("silent", "nobody", NOW)
        (ended, *_) = tx.notices()
        assert (ended.id, ended.ended, ended.told) == (notice.id, NOW + 3 * hour, False), "the end is to be told"
        assert [n.subject for n in tx.notices(open_only=True)] == ["rajin S1", "dunai S1"]
        assert tx.open_notice("silent", "rajin S1", "again", NOW + 5 * hour), "a new one"
        assert len(tx.notices()) == 4


def test_no_second_notice_can_be_open(store: Store, path: Path) -> None:
    with store.transaction() as tx:
        tx.open_notice("silent", "rajin S1", "", NOW)
    copy = "INSERT INTO notices SELECT 'other', kind, subject, text, first, last, ended, told FROM notices"
    with sqlite3.connect(path) as connection, pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        connection.execute(copy)
    connection.close()


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


def test_deliveries_that_are_joined_share_one_message_and_others_keep_theirs(store: Store) -> None:
    others = [replace(CHANGE, incident=replace(INCIDENT, id=name)) for name in ("a", "b")]
    with store.transaction() as tx:
        for to in ("x@example.org", "y@example.org"):
            for change in (CHANGE, *others):
                tx.queue_delivery(change, to, f"<{change.id}-{to}>", NOW)
        tx.join_deliveries([c.id for c in others], "x@example.org", "<joint@x>")
        found = {(d["change"], d["recipient"]): d["message_id"] for d in tx.deliveries()}
    assert {key for key, name in found.items() if name == "<joint@x>"} == {(c.id, "x@example.org") for c in others}
    assert len(set(found.values())) == 5


# marks and calibrations


def test_marks_are_kept_in_order_of_time_and_never_changed(store: Store) -> None:
    early = replace(MARK, at=NOW - timedelta(days=2), kind=MarkKind.LABEL, truth=False, after=None)
    other = replace(MARK, incident="other", kind=MarkKind.SNOOZE, until=NOW + timedelta(days=9), after=None)
    with store.transaction() as tx:
        for mark in (MARK, other, early, MARK):
            tx.add_mark(mark)
        assert tx.marks(INCIDENT.id) == [early, MARK]
        assert {m.id for m in tx.marks()} == {MARK.id, other.id, early.id}
        assert other in tx.marks()


def test_a_mark_is_to_be_logged_once(store: Store) -> None:
    other = replace(MARK, note="more ice")
    with store.transaction() as tx:
        tx.add_mark(MARK)
        tx.add_mark(other)
        tx.mark_mark_logged(MARK.id)
        tx.add_mark(MARK)
        assert tx.marks(logged=False) == [other]
        assert tx.marks(logged=True) == [MARK]


def test_what_was_taken_back_is_known_by_its_mark(store: Store) -> None:
    with store.transaction() as tx:
        tx.add_mark(MARK)
        assert tx.taken_back() == set()
        tx.add_mark(replace(MARK, kind=MarkKind.RETRACT, after=None))
        assert tx.taken_back() == {INCIDENT.id}


def test_the_newest_calibration_of_an_aoi_is_kept(store: Store) -> None:
    newer = replace(CALIBRATION, at=NOW + timedelta(days=30), false_alarms_a_year=Interval90(2.0, 1.8, 2.3), recall=())
    with store.transaction() as tx:
        assert tx.calibration("rajin") is None
        tx.save_calibration(CALIBRATION)
        tx.save_calibration(replace(CALIBRATION, aoi="dunai", looks=7))
        assert tx.calibration("rajin") == CALIBRATION
        tx.save_calibration(newer)
        kept = tx.calibration("rajin")
        other = tx.calibration("dunai")
    assert kept == newer
    assert not newer.met
    assert other == replace(CALIBRATION, aoi="dunai", looks=7)


# packing


GRID = Grid(epsg=32652, left=0, top=40, resolution=10, height=4, width=5)
BOX = shapely.box(129, 42, 129.001, 42.001)


def filled_state(sensor: Sensor, seed: int = 0) -> TrackState:
    """A state with other numbers in every array."""
    zone = Zone(name="yard", kind=ZoneKind.CARGO_YARD, outline=BOX)
    everywhere = np.ones(GRID.shape, bool)
    aoi = Aoi(id="a", name="A", outline=BOX, zones=(zone,))
    site = Site(aoi=aoi, grid=GRID, masks={"yard": everywhere}, outline=everywhere)
    rng, empty = np.random.default_rng(seed), track_state.nothing(site, sensor)

    def stirred(part: Any) -> Any:
        if part is None:
            return None
        values = {f.name: getattr(part, f.name) for f in fields(part)}
        changed = {
            n: v + np.asarray(rng.random(v.shape)).astype(v.dtype)
            for n, v in values.items()
            if isinstance(v, np.ndarray)
        }
        return replace(part, **changed)

    parts = {f.name: stirred(getattr(empty, f.name)) for f in fields(empty) if f.name != "past"}
    return replace(empty, **parts, past=Past(sea_db=(-18.5, float("nan")), texture=(0.1,), haze=()))


@pytest.mark.parametrize("sensor", Sensor)
def test_a_state_survives_packing_bit_by_bit(sensor: Sensor) -> None:
    state = filled_state(sensor)
    again = unpack(pack(state))
    for part in fields(state):
        held, back = getattr(state, part.name), getattr(again, part.name)
        assert type(held) is type(back)
        for field in fields(held) if held is not None else ():
            before, after = getattr(held, field.name), getattr(back, field.name)
            assert type(before) is type(after)
            if isinstance(before, np.ndarray):
                assert (before.dtype, before.shape, before.tobytes()) == (after.dtype, after.shape, after.tobytes())
            else:
                assert repr(before) == repr(after)


def test_a_saved_state_is_found_by_its_recipe_only(store: Store) -> None:
    made = filled_state(Sensor.SENTINEL1)
    with store.transaction() as tx:
        tx.save_state("rajin", "s1-021d-vv", "state/1", SavedState(state=made, position=4, digest="d"))
        tx.save_state("rajin", "s1-021d-vv", "state/1", SavedState(state=made, position=5, digest="e"))
        found = tx.state("rajin", "s1-021d-vv", "state/1")
        assert found is not None
        assert (found.position, found.digest, found.state.looks) == (5, "e", 0)
        assert tx.state("rajin", "s1-021d-vv", "state/2") is None
        assert tx.state("rajin", "s1-087a-vv", "state/1") is None


moments = st.integers(0, 2_500_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))
words = st.text(max_size=12)
numbers = st.floats(allow_infinity=False)
finite = st.floats(allow_nan=False, allow_infinity=False)
intervals = st.builds(Interval90, finite, finite, finite)


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
        last=st.none() | moments,
        onset_between=st.none() | st.tuples(moments, moments),
        level=st.none() | intervals,
        ratio=st.none() | intervals,
        difference=st.none() | intervals,
        evidence=finite,
        ending=st.none() | st.sampled_from(Ending),
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
