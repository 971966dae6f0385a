"""New steps of incidents: logged once, against the claims they bear on; and who is to hear of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flow.conftest import Crash
from monitor.alert import Change, Incident, Kind, Mark, MarkKind, State
from monitor.claim import (
    Claim,
    Credibility,
    Effect,
    EffectKind,
    Expectation,
    Heading,
    Looks,
    Narrative,
    Observability,
    Period,
    Reliability,
)
from monitor.errors import UsageError
from monitor.flow import marks
from monitor.flow.tell import Recipients, bearings, entry, log_changes, log_marks, queue
from monitor.logbook import Logbook
from monitor.store import Store, Transaction
from monitor.times import Interval, utc

NOW = datetime(2025, 12, 1, 12, tzinfo=UTC)
SURGE = Incident(
    aoi="rajin",
    zone="berths",
    measure="vessel_count",
    kind=Kind.SURGE,
    state=State.CONFIRMED,
    onset=utc("2025-11-02T21:00"),
    raised=utc("2025-11-14T21:00"),
    looks=("20251102T210000-s1-061a-vv", "20251114T210000-s1-061a-vv"),
    tracks=("s1-061a-vv",),
    mean=4.123456,
    usual=1.5,
    baseline_looks=40,
    id="rajin.berths.vessel_count.surge.20251102",
)
BLIND = Incident(
    aoi="rajin",
    zone="",
    measure="",
    kind=Kind.BLIND,
    state=State.BLIND,
    onset=NOW,
    raised=NOW,
    id="rajin.blind.20251201",
)
EXPECTED = Expectation(
    id="E1",
    measure="ship_presence",
    zone="rajin.berths",
    sensors=("S1", "S2"),
    window=Interval(start=utc("2025-10-01"), end=utc("2026-02-06")),
    baselines=(Period(name="summer", interval=Interval(start=utc("2025-07-01"), end=utc("2025-10-01"))),),
    direction=Heading.UP,
    min_effect=Effect(kind=EffectKind.RATE_RATIO, value=1.5),
    min_looks=Looks(window=30, baseline=20),
    weight=1.0,
)


def claim(name: str, *expectations: Expectation, **changes: Any) -> Claim:
    made = Claim(
        id=name,
        document="paper",
        text="Activity has surged.",
        said_by="A firm",
        said_on=date(2026, 2, 6),
        about=Interval(start=utc("2025-10-01"), end=utc("2026-02-07")),
        aois=("rajin",),
        reliability=Reliability.B,
        credibility=Credibility.POSSIBLY_TRUE,
        observability=Observability.TESTABLE,
        expectations=expectations,
    )
    return replace(made, **changes)


NARRATIVE = Narrative(
    claims=(
        claim("surge", EXPECTED),
        claim("contrary", replace(EXPECTED, id="C1", direction=Heading.DOWN)),
        claim("cargo", observability=Observability.NOT_OBSERVABLE),
        claim("elsewhere", replace(EXPECTED, zone="dunai.berths"), aois=("dunai",)),
        claim("earlier", about=Interval(start=utc("2024-01-01"), end=utc("2024-06-01"))),
    )
)


def step(incident: Incident = SURGE, new: State | None = None, at: datetime = NOW, old: State | None = None) -> Change:
    state = new or incident.state
    return Change(incident=replace(incident, state=state), old=old, new=state, at=at, reason="looks lean that way")


def record(store: Store, *changes: Change, recorded: datetime = NOW) -> None:
    with store.transaction() as tx:
        tx.record_incidents([c.incident for c in changes], changes, recorded)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "alerts.jsonl").read_text().splitlines()]


# the log


def test_each_step_is_logged_once_against_the_claims_it_touches(store: Store, tmp_path: Path) -> None:
    record(store, step(), step(BLIND))
    book = Logbook(tmp_path)
    assert log_changes(store, book, NARRATIVE) == 2
    assert log_changes(store, book, NARRATIVE) == 0
    assert log_changes(store, Logbook(tmp_path), NARRATIVE) == 0
    by_id = {line["id"]: line for line in lines(tmp_path)}
    assert len(by_id) == len(lines(tmp_path)) == 2
    line = by_id[f"{SURGE.id}:confirmed"]
    assert [(c["claim"], c["expectation"], c["relation"]) for c in line["claims"]] == [
        ("surge", "E1", "agrees"),
        ("contrary", "C1", "runs_against"),
        ("cargo", None, "touches"),
    ]
    assert all(c["says"] and c["does_not_say"] for c in line["claims"])
    assert "never scored" in line["claims"][2]["does_not_say"]
    assert (line["mean_per_usable_look"], line["usual_per_usable_look"], line["baseline_looks"]) == (4.1235, 1.5, 40)
    assert line["looks"] == list(SURGE.looks)
    assert (line["old"], line["new"], line["recorded"]) == (None, "confirmed", NOW.isoformat())
    blind = by_id[f"{BLIND.id}:blind"]
    assert blind["claims"] == [], "no look says nothing about any claim"
    assert blind["mean_per_usable_look"] is None


def test_a_lull_runs_against_what_a_surge_would_support() -> None:
    lull = replace(SURGE, kind=Kind.LULL)
    assert [b.relation for b in bearings(NARRATIVE, lull)] == ["runs_against", "agrees", "touches"]


def test_a_lasting_change_reaches_to_the_day_it_is_told() -> None:
    early = replace(SURGE, onset=utc("2025-08-01"))
    assert bearings(NARRATIVE, replace(early, last=utc("2025-09-01"))) == []
    assert len(bearings(NARRATIVE, replace(early, last=utc("2025-11-01")))) == 3
    assert bearings(NARRATIVE, replace(early, until=utc("2025-09-30"), last=utc("2025-11-01"))) == []


def test_an_entry_is_json_without_nan() -> None:
    for change in (step(), step(BLIND)):
        json.loads(json.dumps(entry(change, NOW, []), allow_nan=False))


class Dying(Store):
    """Dies before the database notes that the line stands in the log."""

    def transaction(self) -> Any:
        if self.armed:
            self.armed -= 1
            if not self.armed:
                raise Crash
        return super().transaction()

    armed = 0


@pytest.mark.parametrize("transactions", [2, 3])
def test_a_crash_between_the_line_and_the_mark_writes_no_second_line(tmp_path: Path, transactions: int) -> None:
    store = Dying(tmp_path / "q.sqlite")
    record(store, step(), step(BLIND))
    store.armed = transactions
    with pytest.raises(Crash):
        log_changes(store, Logbook(tmp_path), NARRATIVE)
    assert len(lines(tmp_path)) == transactions - 1
    with store.transaction() as tx:
        assert len(tx.changes(logged=False)) == 2 - (transactions - 2)
    log_changes(store, Logbook(tmp_path), NARRATIVE)
    assert sorted(line["id"] for line in lines(tmp_path)) == [f"{SURGE.id}:confirmed", f"{BLIND.id}:blind"]
    with store.transaction() as tx:
        assert tx.changes(logged=False) == []
    assert len(Logbook(tmp_path).entries()) == 2
    store.close()


def test_a_log_that_cannot_be_written_leaves_the_steps_to_be_logged(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitor.errors import WorkspaceError

    record(store, step())
    book = Logbook(tmp_path)
    (tmp_path / "alerts.jsonl").unlink()
    (tmp_path / "alerts.jsonl").mkdir()
    with pytest.raises(WorkspaceError):
        log_changes(store, book, NARRATIVE)
    (tmp_path / "alerts.jsonl").rmdir()
    assert log_changes(store, Logbook(tmp_path), NARRATIVE) == 1
    assert len(lines(tmp_path)) == 1


# who is told


def told(*to: str) -> Recipients:
    return Recipients(to=to or ("a@example.org", "b@example.org"), sender="q@example.org", tell_for_days=45)


def asked(
    store: Store, changes: Sequence[Change], recipients: Recipients, now: datetime = NOW
) -> list[tuple[str, str]]:
    queue(store, changes, recipients, now)
    with store.transaction() as tx:
        return sorted((d["change"].rpartition(":")[2], d["recipient"][0]) for d in tx.deliveries())


def test_each_recipient_is_asked_for_once(store: Store) -> None:
    both = [("confirmed", "a"), ("confirmed", "b")]
    assert asked(store, [step()], told()) == both
    assert asked(store, [step()], told(), NOW + timedelta(hours=6)) == both
    with store.transaction() as tx:
        rows = tx.deliveries()
    assert len({r["message_id"] for r in rows}) == 2
    assert {r["state"] for r in rows} == {"waiting"}
    assert {r["not_before"] for r in rows} == {NOW.isoformat()}


@pytest.mark.parametrize(("days", "expected"), [(0, 1), (45, 1), (45.01, 0), (400, 0)])
def test_only_recent_news_is_mailed(store: Store, days: float, expected: int) -> None:
    assert len(asked(store, [step(at=NOW - timedelta(days=days))], told("a@example.org"))) == expected


@pytest.mark.parametrize("kind", [Kind.SPIKE, Kind.DIP])
def test_a_single_look_bears_on_no_claim_and_its_end_is_logged_and_not_mailed(
    store: Store, tmp_path: Path, kind: Kind
) -> None:
    single = replace(SURGE, kind=kind, until=SURGE.onset)
    assert bearings(NARRATIVE, single) == []
    begun, over = step(single, State.PROVISIONAL), step(single, State.FINISHED)
    record(store, begun, over)
    assert asked(store, [begun], told("a@example.org")) == [("provisional", "a")]
    assert asked(store, [over], told("a@example.org")) == [("provisional", "a")]
    assert log_changes(store, Logbook(tmp_path), NARRATIVE) == 2


@pytest.mark.parametrize("end", [State.FINISHED, State.RETRACTED])
def test_an_end_goes_to_those_who_were_told_and_to_no_one_else(store: Store, end: State) -> None:
    assert asked(store, [step(new=end)], told()) == [], "nobody heard of it"
    queue(store, [step()], told("a@example.org"), NOW)
    late = NOW + timedelta(days=300)
    assert asked(store, [step(new=end, at=NOW)], told(), late) == [("confirmed", "a"), (str(end), "a")]


def test_an_end_of_another_incident_is_another_matter(store: Store) -> None:
    queue(store, [step()], told("a@example.org"), NOW)
    other = replace(SURGE, id="rajin.berths.vessel_count.surge.20251102.2")
    assert asked(store, [step(other, State.RETRACTED)], told("a@example.org")) == [("confirmed", "a")]


def test_nobody_is_asked_for_without_recipients(store: Store) -> None:
    assert asked(store, [step()], Recipients(to=(), sender="q@x", tell_for_days=1)) == []


def test_transactions_are_the_stores_own(store: Store) -> None:
    with store.transaction() as tx:
        assert isinstance(tx, Transaction)


# marks


def test_each_mark_is_a_line_of_the_log(store: Store, tmp_path: Path) -> None:
    record(store, step())
    book = Logbook(tmp_path)
    with store.transaction() as tx:
        said = [
            marks.acknowledge(tx, SURGE.id, NOW, by="Mia", note="I look\ninto it"),
            marks.snooze(tx, SURGE.id, NOW, until=NOW + timedelta(days=3)),
            marks.label(tx, SURGE.id, NOW, truth=False, note="ice"),
        ]
    log_changes(store, book, NARRATIVE)
    assert log_marks(store, book) == 3
    assert log_marks(store, Logbook(tmp_path)) == 0
    by_id = {line["id"]: line for line in lines(tmp_path)}
    assert len(by_id) == len(Logbook(tmp_path).entries()) == 4
    assert [by_id[m.id]["mark"] for m in said] == ["ack", "snooze", "label"]
    assert {by_id[m.id]["incident"] for m in said} == {SURGE.id}
    first = by_id[said[0].id]
    assert (first["by"], first["note"], first["recorded"]) == ("Mia", "I look into it", NOW.isoformat())
    assert by_id[said[1].id]["until"] == (NOW + timedelta(days=3)).isoformat()
    assert by_id[said[2].id]["truth"] is False


@pytest.mark.parametrize("transactions", [2, 3])
def test_a_crash_between_the_line_of_a_mark_and_its_note_writes_no_second_line(
    tmp_path: Path, transactions: int
) -> None:
    store = Dying(tmp_path / "q.sqlite")
    record(store, step())
    with store.transaction() as tx:
        marks.acknowledge(tx, SURGE.id, NOW)
        marks.label(tx, SURGE.id, NOW, truth=True)
    store.armed = transactions
    with pytest.raises(Crash):
        log_marks(store, Logbook(tmp_path))
    assert len(lines(tmp_path)) == transactions - 1
    log_marks(store, Logbook(tmp_path))
    assert sorted(line["mark"] for line in lines(tmp_path)) == ["ack", "label"]
    with store.transaction() as tx:
        assert tx.marks(logged=False) == []
    store.close()


def refused(store: Store, act: Any) -> UsageError:
    """The error; and nothing was recorded."""
    with store.transaction() as tx:
        before = repr((tx.marks(), tx.changes(), tx.incidents()))
    with pytest.raises(UsageError) as caught, store.transaction() as tx:
        act(tx)
    with store.transaction() as tx:
        assert repr((tx.marks(), tx.changes(), tx.incidents())) == before
    assert caught.value.hint
    return caught.value


def test_an_unknown_incident_is_answered_with_those_that_are_near(store: Store) -> None:
    record(store, step(), step(BLIND))
    error = refused(store, lambda tx: marks.acknowledge(tx, SURGE.id[:-1], NOW))
    assert SURGE.id[:-1] in error.message
    assert SURGE.id in error.hint
    assert BLIND.id not in error.hint
    assert SURGE.id in refused(store, lambda tx: marks.label(tx, "berths", NOW, truth=True)).hint
    assert "alerts --all" in refused(store, lambda tx: marks.snooze(tx, "zzz", NOW, until=None)).hint


def test_what_cannot_be_said_is_refused(store: Store) -> None:
    record(store, step(), step(BLIND))
    for until in (NOW, NOW - timedelta(days=1)):
        assert "is past" in refused(store, lambda tx, u=until: marks.snooze(tx, SURGE.id, NOW, until=u)).message
    assert "no finding" in refused(store, lambda tx: marks.label(tx, BLIND.id, NOW, truth=True)).message
    assert "reason" in refused(store, lambda tx: marks.take_back(tx, SURGE.id, NOW, reason=" \n")).message
    with store.transaction() as tx:
        marks.take_back(tx, SURGE.id, NOW, reason="ice")
    assert "already" in refused(store, lambda tx: marks.take_back(tx, SURGE.id, NOW, reason="ice")).message


def test_what_is_taken_back_is_retracted_with_its_reason(store: Store) -> None:
    record(store, step())
    with store.transaction() as tx:
        mark, change = marks.take_back(tx, SURGE.id, NOW, reason="it was\n ice", by="Mia\x07")
    assert mark == Mark(incident=SURGE.id, kind=MarkKind.RETRACT, at=NOW, by="Mia", note="it was ice")
    assert (change.old, change.new, change.reason) == (
        State.CONFIRMED,
        State.RETRACTED,
        "taken back by Mia: it was ice",
    )
    with store.transaction() as tx:
        assert [i.state for i in tx.incidents()] == [State.RETRACTED]
        assert [c.new for c, _ in tx.changes()] == [State.CONFIRMED, State.RETRACTED]
