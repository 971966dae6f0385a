"""The daemon: polls what is due, stops when asked, loses nothing when killed, and is alone."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from monitor import daemon, simulate, workspace
from monitor.alert import Change, Incident, Kind, Mark, MarkKind, State
from monitor.aoi import Aoi
from monitor.errors import SourceError
from monitor.flow.deliver import Delivered
from monitor.flow.desk import Desk, Outcome
from monitor.flow.poll import Summary
from monitor.store import Store
from monitor.times import Interval, utc
from surfaces.conftest import PATIENCE, ROOT, content, quaywatch, rewrite

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


# as a process


@dataclass(frozen=True, kw_only=True)
class Running:
    """A daemon and its log."""

    process: subprocess.Popen[str]
    log: Path

    def until(self, fact: Callable[[], bool], what: str) -> None:
        """Waits until it is so."""
        end = time.monotonic() + PATIENCE
        while not fact():
            assert time.monotonic() < end, f"{what} did not come; log: {self.said()}"
            assert self.process.poll() is None, f"it ended before {what}; log: {self.said()}"
            time.sleep(0.02)

    def until_says(self, text: str) -> None:
        self.until(lambda: text in self.said(), repr(text))

    def said(self) -> str:
        return self.log.read_text("utf-8")

    def ended(self) -> int:
        return self.process.wait(timeout=PATIENCE)


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Running]:
    log = folder / "daemon.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "monitor", "-w", str(folder), "run"], stdout=file, stderr=file, text=True, cwd=ROOT
        )
    try:
        yield Running(process=process, log=log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture
def watched(cold: Path) -> Path:
    """A workspace whose daemon looks far enough back to see the simulated years."""
    rewrite(cold / "config.toml", "[mail]", "[schedule]\nlook_back_days = 3660\n\n[mail]")
    return cold


def looks(folder: Path) -> int:
    path = folder / "var" / "quaywatch.sqlite"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
        try:
            return int(database.execute("SELECT COUNT(*) FROM looks").fetchone()[0])
        except sqlite3.OperationalError:  # the table is still being made
            return 0


def whole(folder: Path) -> None:
    """The database is sound, and no look lacks its measurements or scenes."""
    with closing(sqlite3.connect(folder / "var" / "quaywatch.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        for table in ("measurements", "scenes"):
            without = f"SELECT id FROM looks WHERE id NOT IN (SELECT look FROM {table}) AND reason IS NULL"
            assert database.execute(without).fetchall() == []
        sizes = "SELECT COUNT(*) FROM measurements JOIN looks ON id = look GROUP BY look, sensor"
        assert len(set(database.execute(sizes))) <= 2  # one for each sensor: none is half a look


def test_it_polls_at_once_and_stops_when_asked(watched: Path, template: Path) -> None:
    with started(watched) as it:
        it.until_says("109 scenes, 109 new looks")
        it.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert it.ended() == 0
        assert time.monotonic() - begun < 10
        assert it.said().rstrip().endswith("stopped")
        assert "watching 1 AOIs" in it.said()
        assert "Traceback" not in it.said()
    whole(watched)
    assert content(watched) == content(template)


def test_sigterm_in_the_middle_lets_the_running_look_be_recorded(watched: Path, template: Path) -> None:
    with started(watched) as it:
        it.until(lambda: looks(watched) > 0, "the first look")
        it.process.send_signal(signal.SIGTERM)
        assert it.ended() == 0
        assert "stopping: the running look is finished first" in it.said()
    done = looks(watched)
    assert 0 < done < 109
    whole(watched)
    with started(watched) as it:  # it goes on at once, and from there
        it.until_says(f"{109 - done} new looks")
        it.process.send_signal(signal.SIGTERM)
        assert it.ended() == 0
    assert content(watched) == content(template)


def test_after_kill_9_a_new_daemon_goes_on_with_nothing_lost_or_done_twice(watched: Path, template: Path) -> None:
    with started(watched) as it:
        it.until(lambda: looks(watched) > 0, "the first look")
        it.process.kill()
        assert it.ended() == -signal.SIGKILL
    done = looks(watched)
    whole(watched)
    with started(watched) as it:
        it.until_says(f"{109 - done} new looks")
        it.process.send_signal(signal.SIGINT)
        assert it.ended() == 0
    assert content(watched) == content(template)


def test_a_second_daemon_is_refused_and_the_first_goes_on(worked: Path) -> None:
    with started(worked) as it:
        it.until_says("watching 1 AOIs")
        second = quaywatch("-w", worked, "run")
        assert second.code == 2
        assert f"another daemon (pid {it.process.pid}) runs on this workspace" in second.err
        assert f"kill {it.process.pid}" in second.err
        assert quaywatch("-w", worked, "looks", "simport").code == 0  # others may look
        assert it.process.poll() is None
        it.process.send_signal(signal.SIGTERM)
        assert it.ended() == 0
    with started(worked) as it:
        it.until_says("watching 1 AOIs")


def test_a_source_that_fails_is_logged_and_does_not_end_it(watched: Path) -> None:
    (watched / "imagery" / "items.json").rename(watched / "away.json")
    with started(watched) as it:
        it.until_says("items.json: there is no such file")
        assert "Put GeoTIFFs" in it.said()
        time.sleep(0.3)
        assert it.process.poll() is None
        it.process.send_signal(signal.SIGTERM)
        assert it.ended() == 0
    assert "Traceback" not in it.said()


def test_a_slow_start_does_not_cost_the_first_tick(worked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    ticks: list[float] = []

    def noted(_: Desk, stop: threading.Event) -> None:
        ticks.append(time.monotonic() - began)
        os.kill(os.getpid(), signal.SIGTERM)  # to the process: its main thread is the one that waits

    monkeypatch.setattr(daemon, "tick", noted)
    monkeypatch.setattr("monitor.clock.now", lambda: datetime.now(UTC) - timedelta(seconds=4))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        daemon.run(workspace.find(worked, {}), {})
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert len(ticks) == 1
    assert ticks[0] < 5


# one tick


@dataclass
class FakeDesk:
    """A workspace whose polls are told beforehand what to do."""

    store: Store
    aois: dict[str, Aoi]
    failing: dict[str, Exception] = field(default_factory=dict)
    polled: list[str] = field(default_factory=list)
    sent: int = 0
    stop: Callable[[str], object] = lambda _: None
    cadence: timedelta = timedelta(hours=6)

    def window(self, as_of: datetime) -> Interval:
        return Interval(start=as_of - timedelta(days=30), end=as_of)

    def poll(self, aoi: Aoi, interval: Interval, *, as_of: datetime, stop: Callable[[], bool], send: bool) -> Outcome:
        assert not send, "mails are sent at the end of the round"
        self.polled.append(aoi.id)
        self.stop(aoi.id)
        if aoi.id in self.failing:
            raise self.failing[aoi.id]
        return Outcome(summary=Summary(aoi=aoi.id))

    def send(self, as_of: datetime) -> Delivered:
        self.sent += 1
        return Delivered()

    def plan(self, next_: datetime, last: datetime | None = None) -> None:
        with self.store.transaction() as tx:
            for aoi in self.aois:
                tx.set_poll(aoi, last=last, next_=next_, problem="")

    def polls(self) -> dict[str, tuple[str | None, datetime, str]]:
        with self.store.transaction() as tx:
            return {r["aoi"]: (r["last"], utc(r["next"]), r["problem"]) for r in tx.poll_rows()}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDesk]:
    port = simulate.simulated_aoi(320)
    store = Store(tmp_path / "quaywatch.sqlite")
    monkeypatch.setattr("monitor.clock.now", lambda: NOW)
    yield FakeDesk(store, {name: replace(port, id=name) for name in ("a", "b", "c")})
    store.close()


def tick(desk: FakeDesk, stop: threading.Event | None = None) -> Sequence[str]:
    """One tick; what it polled."""
    desk.polled.clear()
    daemon.tick(cast("Desk", desk), stop or threading.Event())
    return tuple(desk.polled)


def test_a_new_aoi_waits_for_its_own_moment(desk: FakeDesk) -> None:
    assert [a for a in tick(desk) if daemon.spread(a, 3)] == []
    assert {a: n for a, (_, n, _) in desk.polls().items() if n > NOW + timedelta(hours=1)} == {}
    assert desk.polls()["a"][1] == NOW + daemon.spread("a", 3)


def test_a_lone_aoi_is_polled_at_once(desk: FakeDesk) -> None:
    desk.aois = {"a": desk.aois["a"]}
    assert tick(desk) == ("a",)
    assert tick(desk) == ()  # and then by its cadence


def test_only_what_is_due_is_polled_the_longest_waiting_first(desk: FakeDesk) -> None:
    with desk.store.transaction() as tx:
        for aoi, minutes in (("a", -5), ("b", 5), ("c", -10), ("gone", -20)):
            tx.set_poll(aoi, last=None, next_=NOW + timedelta(minutes=minutes), problem="")
    assert tick(desk) == ("c", "a")
    assert desk.sent == 1


def queued(desk: FakeDesk, since: datetime, name: str = "a.surge") -> None:
    """A mail that waits since then."""
    incident = Incident(
        aoi="a",
        zone="berths",
        measure="vessel_count",
        kind=Kind.SURGE,
        state=State.PROVISIONAL,
        onset=since,
        raised=since,
        id=name,
    )
    change = Change(incident=incident, old=None, new=State.PROVISIONAL, at=since, reason="")
    with desk.store.transaction() as tx:
        tx.record_incidents([incident], [change], since)
        tx.queue_delivery(change, "a@example.org", f"<{name}@x>", since)


@pytest.mark.parametrize(
    ("minutes", "soon", "sent"),
    [
        (2, True, 0),  # another AOI is due in a moment: its news may belong to this
        (2, False, 1),
        (59, True, 0),
        (60, True, 2),  # it has waited long enough: at once, and at the end of the tick as ever
    ],
)
def test_mails_wait_for_the_aois_that_are_due_soon_but_not_for_long(
    desk: FakeDesk, minutes: int, soon: bool, sent: int
) -> None:
    desk.plan(NOW + timedelta(hours=5))
    with desk.store.transaction() as tx:
        tx.set_poll("a", last=None, next_=NOW, problem="")
        tx.set_poll("b", last=None, next_=NOW + (timedelta(minutes=4) if soon else timedelta(hours=2)), problem="")
    queued(desk, NOW - timedelta(minutes=minutes))
    assert tick(desk) == ("a",)
    assert desk.sent == sent


def test_what_is_snoozed_makes_no_other_mail_wait_or_hurry(desk: FakeDesk) -> None:
    queued(desk, NOW - timedelta(days=2))
    with desk.store.transaction() as tx:
        tx.add_mark(Mark(incident="a.surge", kind=MarkKind.SNOOZE, at=NOW, until=NOW + timedelta(days=9)))
        tx.set_poll("b", last=None, next_=NOW + timedelta(minutes=4), problem="")
    assert not daemon.overdue(cast("Desk", desk), NOW)
    assert not daemon.gathering(cast("Desk", desk), NOW)
    queued(desk, NOW, "other")
    assert daemon.gathering(cast("Desk", desk), NOW)


def test_a_failing_source_is_asked_again_later_and_the_problem_is_kept(
    desk: FakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    before = NOW - timedelta(hours=6)
    desk.plan(NOW, last=before)
    desk.failing["b"] = SourceError("items.json: gone", "Put it back.")
    assert set(tick(desk)) == {"a", "b", "c"}
    assert desk.polls()["b"] == (before.isoformat(), NOW + daemon.RETRY, "items.json: gone\n  Put it back.")
    assert desk.polls()["a"] == (NOW.isoformat(), NOW + timedelta(hours=6), "")
    assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == ["b: items.json: gone\n  Put it back."]


def test_an_unforeseen_error_of_one_aoi_keeps_no_other_from_being_polled(
    desk: FakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.plan(NOW)
    desk.failing["a"] = ZeroDivisionError("division by zero")
    assert set(tick(desk)) == {"a", "b", "c"}
    assert desk.polls()["a"][1:] == (NOW + daemon.RETRY, "ZeroDivisionError: division by zero")
    assert tick(desk) == ()
    assert [r.message for r in caplog.records if r.exc_info] == ["a: a fault of the tool itself"]


def test_a_stop_ends_the_tick_after_the_running_poll_which_is_due_again(desk: FakeDesk) -> None:
    desk.plan(NOW)
    stop = threading.Event()
    desk.stop = lambda _: stop.set()
    assert tick(desk, stop) == ("a",)
    assert desk.polls()["a"][1] == NOW
    assert desk.polls()["b"][:2] == (None, NOW)
    assert desk.sent == 0


def test_spread_spreads() -> None:
    names = [f"port{n}" for n in range(1000)]
    moments = [daemon.spread(name, len(names)) for name in names]
    assert moments == [daemon.spread(name, len(names)) for name in names]
    assert all(timedelta(0) <= m < timedelta(hours=1) for m in moments)
    quarters = [sum(q <= m / timedelta(minutes=15) < q + 1 for m in moments) for q in range(4)]
    assert min(quarters) > 200
    few = [daemon.spread(name, 6) for name in names[:6]]
    assert max(few) < timedelta(minutes=1)
    assert daemon.spread("port1", 1) == timedelta(0)


def test_the_fake_desk_knows_what_the_daemon_asks_of_a_desk() -> None:
    for name in ("aois", "poll", "send", "window"):
        assert hasattr(Desk, name)
        assert name in FakeDesk.__dataclass_fields__ or hasattr(FakeDesk, name)
