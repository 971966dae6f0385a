"""Sending, against a real mail server on loopback: once, later, never, and after a crash."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
import shapely
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from flow.conftest import Crash
from monitor import alert
from monitor.alert import Change, Incident, Kind, Mark, State
from monitor.config import Mail, Security
from monitor.errors import DeliveryError
from monitor.flow import marks
from monitor.flow.deliver import FIRST_WAIT, LONGEST_WAIT, MOST_ATTEMPTS, Delivered, deliver, grouped, take_up
from monitor.flow.tell import Recipients, queue
from monitor.look import Look
from monitor.message import Message
from monitor.scene import Direction, Pass, Scene, Sensor, Track
from monitor.store import Seen, Store
from monitor.transports.email import Smtp

NOW = datetime(2025, 12, 1, 12, tzinfo=UTC)
SENDER = "q@example.org"
INCIDENT = Incident(
    aoi="rajin",
    zone="berths",
    measure="vessel_count",
    kind=Kind.SURGE,
    state=State.PROVISIONAL,
    onset=NOW,
    raised=NOW,
    id="rajin.berths.vessel_count.surge.20251102",
)


@dataclass
class Inbox:
    """Keeps what comes in; answers recipients as told, and accepts when there is no answer left."""

    answers: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        if self.answers and (answer := self.answers.pop(0)):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        assert envelope.original_content is not None
        mail = message_from_bytes(envelope.original_content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def ids(self) -> list[str]:
        return [str(m["Message-ID"]) for m in self.mails]

    def transport(self) -> Smtp:
        return Smtp(Mail(host="127.0.0.1", port=self.port, security=Security.NONE, timeout_s=5), None)


class _Server(Controller):
    def _trigger_server(self) -> None:
        # Port 0 is: any free one. The base class would now try to connect to port 0 itself.
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    made = Inbox()
    server = _Server(made, hostname="127.0.0.1", port=0, ident="test")
    server.start()
    made.port = server.port
    try:
        yield made
    finally:
        server.stop()


def step(new: State = State.PROVISIONAL, incident: Incident = INCIDENT) -> Change:
    return Change(incident=replace(incident, state=new), old=None, new=new, at=NOW, reason="")


def write(changes: Sequence[Change]) -> Message:
    subject = ", ".join(f"{c.incident.id} {c.new}" for c in changes)
    return Message(subject=subject, text="t", html="<p>t</p>", images={}, message_key=changes[0].id)


def ask(store: Store, *changes: Change, to: tuple[str, ...] = ("a@example.org",), now: datetime = NOW) -> None:
    with store.transaction() as tx:
        tx.record_incidents([c.incident for c in changes], changes, now)
    queue(store, changes, Recipients(to=to, sender=SENDER, tell_for_days=45), now)


def send(store: Store, transport: Any, now: datetime = NOW, write: Any = write) -> Delivered:
    return deliver(store, transport, write, sender=SENDER, now=now)


def row(store: Store) -> dict[str, Any]:
    with store.transaction() as tx:
        (only,) = tx.deliveries()
    return only


def test_what_waits_is_sent_once(store: Store, inbox: Inbox) -> None:
    ask(store, step(), to=("a@example.org", "b@example.org"))
    assert send(store, inbox.transport()) == Delivered(sent=2)
    assert send(store, inbox.transport(), NOW + timedelta(days=1)) == Delivered()
    assert sorted(m["To"] for m in inbox.mails) == ["a@example.org", "b@example.org"]
    assert len(set(inbox.ids())) == 2
    ask(store, step(), to=("a@example.org", "b@example.org"), now=NOW + timedelta(days=1))
    assert send(store, inbox.transport(), NOW + timedelta(days=2)) == Delivered()
    with store.transaction() as tx:
        assert {(d["state"], d["attempts"], d["error"]) for d in tx.deliveries()} == {("sent", 1, "")}


def test_a_temporary_refusal_waits_longer_each_time_and_is_sent_with_the_same_id(store: Store, inbox: Inbox) -> None:
    ask(store, step())
    asked = row(store)["message_id"]
    inbox.answers = ["451 4.7.1 greylisted", "451 4.7.1 greylisted"]
    first = send(store, inbox.transport())
    assert (first.sent, first.postponed, first.failed) == (0, 1, 0)
    assert "mail to a@example.org" in first.problems[0]
    assert "451" in first.problems[0]
    waiting = row(store)
    assert (waiting["state"], waiting["not_before"]) == ("waiting", (NOW + FIRST_WAIT).isoformat())
    assert "greylisted" in waiting["error"]

    early = NOW + FIRST_WAIT - timedelta(seconds=1)
    assert send(store, inbox.transport(), early) == Delivered(), "not before its time"
    due = NOW + FIRST_WAIT
    assert send(store, inbox.transport(), due).postponed == 1
    assert row(store)["not_before"] == (due + 2 * FIRST_WAIT).isoformat()
    assert send(store, inbox.transport(), due + 2 * FIRST_WAIT) == Delivered(sent=1)
    assert inbox.ids() == [asked]
    assert (row(store)["state"], row(store)["attempts"], row(store)["error"]) == ("sent", 3, "")


def test_a_permanent_refusal_fails_at_once_and_does_not_hold_up_the_others(store: Store, inbox: Inbox) -> None:
    ask(store, step(), to=("a@example.org", "b@example.org"))
    inbox.answers = ["550 5.1.1 no such user"]
    result = send(store, inbox.transport())
    assert (result.sent, result.postponed, result.failed) == (1, 0, 1)
    assert send(store, inbox.transport(), NOW + timedelta(days=9)) == Delivered(), "it is not tried again"
    with store.transaction() as tx:
        assert sorted(d["state"] for d in tx.deliveries()) == ["failed", "sent"]


def test_a_server_that_is_down_postpones_and_in_the_end_fails(store: Store) -> None:
    ask(store, step())
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = Inbox(port=unused.getsockname()[1]).transport()
        now, waits = NOW, []
        for attempt in range(1, MOST_ATTEMPTS + 1):
            result = send(store, nobody, now)
            assert (result.postponed, result.failed) == ((1, 0) if attempt < MOST_ATTEMPTS else (0, 1)), attempt
            after = datetime.fromisoformat(row(store)["not_before"])
            waits.append(after - now)
            now = after
    assert waits[:4] == [FIRST_WAIT * 2**n for n in range(4)]
    assert max(waits) == LONGEST_WAIT
    assert timedelta(days=2) < sum(waits, timedelta()) < timedelta(days=5)
    assert row(store)["state"] == "failed"


def test_a_message_that_cannot_be_written_now_is_postponed(store: Store, inbox: Inbox) -> None:
    def fails(changes: Sequence[Change]) -> Message:
        raise DeliveryError("the AOI is gone", "Put it back.", permanent=False)

    ask(store, step())
    assert send(store, inbox.transport(), write=fails).postponed == 1
    assert send(store, inbox.transport(), NOW + FIRST_WAIT) == Delivered(sent=1)


@dataclass
class DiesBefore:
    """The process ends before the server has the mail."""

    def send(self, message: EmailMessage) -> None:
        raise Crash


@dataclass
class DiesAfter:
    """The process ends when the server has the mail, and before that is noted."""

    inner: Smtp

    def send(self, message: EmailMessage) -> None:
        self.inner.send(message)
        raise Crash


@pytest.mark.parametrize("arrived", [False, True])
def test_after_a_crash_the_message_is_taken_up_and_carries_the_same_id(
    store: Store, inbox: Inbox, arrived: bool
) -> None:
    ask(store, step())
    asked = row(store)["message_id"]
    with pytest.raises(Crash):
        send(store, DiesAfter(inbox.transport()) if arrived else DiesBefore())
    assert row(store)["state"] == "sending"
    assert send(store, inbox.transport(), NOW + timedelta(days=1)) == Delivered(), "it may still be on its way"
    assert take_up(store) == 1
    assert send(store, inbox.transport(), NOW + timedelta(days=1)) == Delivered(sent=1)
    assert take_up(store) == 0
    assert inbox.ids() == [asked] * (1 + arrived)


def test_later_messages_about_an_incident_refer_to_the_first(store: Store, inbox: Inbox) -> None:
    both = ("a@example.org", "b@example.org")
    ask(store, step(), to=both)
    send(store, inbox.transport())
    ask(store, step(State.CONFIRMED), to=both, now=NOW + timedelta(days=6))
    send(store, inbox.transport(), NOW + timedelta(days=6))
    ask(store, step(State.FINISHED), to=both, now=NOW + timedelta(days=60))
    send(store, inbox.transport(), NOW + timedelta(days=60))
    for address in both:
        first, second, third = (m for m in inbox.mails if m["To"] == address)
        assert first["References"] is None
        assert second["References"] == third["References"] == first["Message-ID"]
        assert third["In-Reply-To"] == first["Message-ID"]
        assert len({first["Message-ID"], second["Message-ID"], third["Message-ID"]}) == 3


def test_another_incident_starts_a_thread_of_its_own(store: Store, inbox: Inbox) -> None:
    ask(store, step(), step(incident=replace(INCIDENT, id="other")))
    assert send(store, inbox.transport()).sent == 2
    assert [m["References"] for m in inbox.mails] == [None, None]


def test_a_first_message_that_never_arrived_is_not_referred_to(store: Store, inbox: Inbox) -> None:
    ask(store, step())
    inbox.answers = ["550 no"]
    send(store, inbox.transport())
    ask(store, step(State.CONFIRMED), now=NOW + timedelta(days=1))
    send(store, inbox.transport(), NOW + timedelta(days=1))
    assert [m["References"] for m in inbox.mails] == [None]


# many places at once


def storm(*aois: str, new: State = State.PROVISIONAL) -> list[Change]:
    return [step(new, replace(INCIDENT, aoi=a, id=f"{a}.surge")) for a in aois]


def states(store: Store) -> dict[tuple[str, str], str]:
    with store.transaction() as tx:
        return {(d["change"], d["recipient"]): d["state"] for d in tx.deliveries()}


def test_one_storm_is_one_mail_a_recipient_and_every_step_has_its_row(store: Store, inbox: Inbox) -> None:
    steps = storm("a", "b", "c", "d")
    ask(store, *steps, to=("x@example.org", "y@example.org"))
    done = send(store, inbox.transport())
    assert (done, done.naming) == (Delivered(sent=2), dict.fromkeys("abcd", 2))
    assert sorted(m["To"] for m in inbox.mails) == ["x@example.org", "y@example.org"]
    for mail in inbox.mails:
        assert all(f"{a}.surge provisional" in mail["Subject"] for a in "abcd")
    assert len(set(inbox.ids())) == 2
    assert states(store) == {(c.id, f"{to}@example.org"): "sent" for c in steps for to in "xy"}
    assert send(store, inbox.transport(), NOW + timedelta(days=1)) == Delivered()


def test_what_does_not_belong_to_the_storm_has_a_mail_of_its_own(store: Store, inbox: Inbox) -> None:
    ask(store, *storm("a", "b", "c"), step(incident=replace(INCIDENT, id="lull", kind=Kind.LULL)))
    assert send(store, inbox.transport()) == Delivered(sent=2)
    assert sorted(len(m["Subject"].split(",")) for m in inbox.mails) == [1, 3]


def test_a_group_is_tried_again_as_the_same_group_under_the_same_id(store: Store, inbox: Inbox) -> None:
    ask(store, *storm("a", "b", "c"))
    inbox.answers = ["451 4.7.1 greylisted"]
    assert send(store, inbox.transport()).postponed == 1
    with store.transaction() as tx:
        (joint,) = {d["message_id"] for d in tx.deliveries()}
    later = NOW + FIRST_WAIT
    ask(store, *storm("d", "e"), now=later)  # what came later does not slip into what was tried already
    assert send(store, inbox.transport(), later) == Delivered(sent=3)
    (again,) = (m for m in inbox.mails if m["Message-ID"] == joint)
    assert sorted(again["Subject"].split(", ")) == [f"{a}.surge provisional" for a in "abc"]
    assert set(states(store).values()) == {"sent"}


@pytest.mark.parametrize("arrived", [False, True])
def test_after_a_crash_the_group_is_taken_up_whole(store: Store, inbox: Inbox, arrived: bool) -> None:
    ask(store, *storm("a", "b", "c"))
    with pytest.raises(Crash):
        send(store, DiesAfter(inbox.transport()) if arrived else DiesBefore())
    assert set(states(store).values()) == {"sending"}, "all of them, or none"
    assert take_up(store) == 1, "one message"
    ask(store, *storm("d"), now=NOW + timedelta(hours=1))
    assert send(store, inbox.transport(), NOW + timedelta(hours=1)) == Delivered(sent=2)
    whole = [m for m in inbox.mails if "," in m["Subject"]]
    assert len(whole) == 1 + arrived
    assert len({m["Message-ID"] for m in whole}) == 1
    assert len({m["Subject"] for m in whole}) == 1


def test_a_group_that_is_refused_for_good_fails_whole(store: Store, inbox: Inbox) -> None:
    ask(store, *storm("a", "b", "c"))
    inbox.answers = ["550 no"]
    assert send(store, inbox.transport()).failed == 1
    assert set(states(store).values()) == {"failed"}


def test_of_a_group_nobody_sends_what_another_has_claimed(store: Store, inbox: Inbox) -> None:
    steps = storm("a", "b", "c")
    ask(store, *steps)

    @dataclass
    class Other:
        """Another process that claims a step between the plan and the claim."""

        inner: Store

        def transaction(self) -> Any:
            self.calls += 1
            if self.calls == 2:
                with self.inner.transaction() as tx:
                    assert tx.claim_delivery(steps[1].id, "a@example.org", NOW)
            return self.inner.transaction()

        calls: int = 0

    assert deliver(Other(store), inbox.transport(), write, sender=SENDER, now=NOW).sent == 1  # type: ignore[arg-type]
    (mail,) = inbox.mails
    assert sorted(mail["Subject"].split(", ")) == ["a.surge provisional", "c.surge provisional"]
    assert states(store)[steps[1].id, "a@example.org"] == "sending"


def test_later_mails_refer_to_the_group_and_a_later_group_to_all_before(store: Store, inbox: Inbox) -> None:
    ask(store, *storm("a", "b", "c"))
    ask(store, *storm("d"))
    send(store, inbox.transport())
    (first,) = inbox.mails
    ask(store, step(State.CONFIRMED, replace(INCIDENT, aoi="a", id="a.surge")), now=NOW + timedelta(days=6))
    send(store, inbox.transport(), NOW + timedelta(days=6))
    assert inbox.mails[-1]["References"] == first["Message-ID"]
    ask(store, step(incident=replace(INCIDENT, aoi="e", id="e.surge", onset=NOW + timedelta(days=9))))
    send(store, inbox.transport(), NOW + timedelta(days=9))
    alone = inbox.mails[-1]
    assert alone["References"] is None
    ask(store, *storm("a", "b", "c", "d", new=State.FINISHED), now=NOW + timedelta(days=60))
    send(store, inbox.transport(), NOW + timedelta(days=60))
    assert inbox.mails[-1]["References"] == first["Message-ID"]


def test_each_row_of_a_recipient_is_in_exactly_one_letter() -> None:
    steps = [*storm("a", "b", "c", "d"), *storm("e", new=State.FINISHED), *storm("f", "g", "h")]
    changes = {c.id: c for c in steps}
    rows = [{"change": c.id, "message_id": "<joint>" if n in {1, 2} else f"<{n}>"} for n, c in enumerate(steps)]
    letters = grouped("x@example.org", rows, changes)
    assert sorted(row["change"] for letter in letters for row in letter.rows) == sorted(changes)
    assert sorted(len(letter.rows) for letter in letters) == [1, 2, 5]
    for letter in letters:
        assert [c.id for c in letter.changes] == [row["change"] for row in letter.rows]


# marks


TRACK = Track(sensor=Sensor.SENTINEL1, relative_orbit=61, direction=Direction.ASCENDING, polarisation="VV")


def look(store: Store, at: datetime, aoi: str = "rajin") -> None:
    """A usable look comes."""
    box = shapely.box(0, 0, 1, 1)
    scene = Scene(
        id=f"{aoi}-{at:%Y%m%dT%H%M}",
        track=TRACK,
        platform="sentinel-1a",
        start=at,
        end=at,
        footprint=box,
        assets={},
        source="folder:1",
        processed="",
        item={},
    )
    taken = Pass(scenes=(scene,))
    made = Look(
        id=taken.id,
        aoi=aoi,
        track=TRACK,
        platform="sentinel-1a",
        start=at,
        scenes=(scene.id,),
        valid_fraction=1.0,
        reason=None,
    )
    with store.transaction() as tx:
        tx.record_look(Seen(look=made, taken=taken, measurements=[], reference_looks=12))


def snooze(store: Store, at: datetime, until: datetime | None = None) -> Mark:
    with store.transaction() as tx:
        return marks.snooze(tx, INCIDENT.id, at, until=until)


def test_of_what_was_snoozed_until_a_day_the_newest_step_is_told_then(store: Store, inbox: Inbox) -> None:
    ask(store, step())
    send(store, inbox.transport())
    snooze(store, NOW + timedelta(days=1), until=NOW + timedelta(days=30))
    for days, new in ((6, State.CONFIRMED), (20, State.FINISHED)):
        ask(store, step(new), now=NOW + timedelta(days=days))
        assert send(store, inbox.transport(), NOW + timedelta(days=days)) == Delivered()
    assert send(store, inbox.transport(), NOW + timedelta(days=30)) == Delivered(sent=1)
    assert [m["Subject"].rpartition(" ")[2] for m in inbox.mails] == ["provisional", "finished"]
    assert inbox.mails[1]["References"] == inbox.mails[0]["Message-ID"]
    assert sorted(states(store).values()) == ["muted", "sent", "sent"]
    assert send(store, inbox.transport(), NOW + timedelta(days=99)) == Delivered()


def test_a_snooze_until_the_next_look_ends_with_a_usable_look_of_that_aoi(store: Store, inbox: Inbox) -> None:
    look(store, NOW)
    ask(store, step())
    snooze(store, NOW + timedelta(days=2))
    assert send(store, inbox.transport(), NOW + timedelta(days=3)) == Delivered()
    look(store, NOW + timedelta(days=5), aoi="dunai")
    assert send(store, inbox.transport(), NOW + timedelta(days=5)) == Delivered()
    look(store, NOW + timedelta(days=1))  # it was on its way when the mark was made
    assert send(store, inbox.transport(), NOW + timedelta(days=6)) == Delivered(sent=1)


def test_what_was_held_back_and_fell_away_is_not_told_at_all(store: Store, inbox: Inbox) -> None:
    ask(store, step())
    snooze(store, NOW, until=NOW + timedelta(days=30))
    send(store, inbox.transport())
    ask(store, step(State.RETRACTED), now=NOW + timedelta(days=6))
    assert send(store, inbox.transport(), NOW + timedelta(days=31)) == Delivered()
    assert inbox.mails == [], "there is nothing to correct"
    assert set(states(store).values()) == {"muted"}


def test_a_snooze_holds_back_one_of_a_storm(store: Store, inbox: Inbox) -> None:
    steps = storm("a", "b", "c", "d")
    ask(store, *steps)
    with store.transaction() as tx:
        marks.snooze(tx, "b.surge", NOW, until=NOW + timedelta(days=9))
    assert send(store, inbox.transport()) == Delivered(sent=1)
    assert "b.surge" not in inbox.mails[0]["Subject"]
    assert send(store, inbox.transport(), NOW + timedelta(days=9)) == Delivered(sent=1)
    assert inbox.mails[1]["Subject"] == "b.surge provisional"


def test_of_what_was_acknowledged_the_beginning_is_not_told_and_what_follows_is(store: Store, inbox: Inbox) -> None:
    ask(store, step())
    inbox.answers = ["451 4.7.1 greylisted"]
    send(store, inbox.transport())
    with store.transaction() as tx:
        marks.acknowledge(tx, INCIDENT.id, NOW, by="Mia")
    assert send(store, inbox.transport(), NOW + FIRST_WAIT) == Delivered()
    ask(store, step(State.CONFIRMED), now=NOW + timedelta(days=6))
    ask(store, step(State.FINISHED), now=NOW + timedelta(days=7))
    assert send(store, inbox.transport(), NOW + timedelta(days=8)) == Delivered(sent=2)
    assert [m["Subject"].rpartition(" ")[2] for m in inbox.mails] == ["confirmed", "finished"]


def taken_back(store: Store, now: datetime, *to: str) -> None:
    with store.transaction() as tx:
        _, change = marks.take_back(tx, INCIDENT.id, now, reason="it was ice", by="Mia")
    queue(store, [change], Recipients(to=to, sender=SENDER, tell_for_days=45), now)


def test_a_retraction_by_hand_corrects_at_once_whoever_was_told(store: Store, inbox: Inbox) -> None:
    ask(store, step(), to=("a@example.org", "b@example.org"))
    inbox.answers = ["550 5.1.1 no such user"]
    send(store, inbox.transport())
    snooze(store, NOW, until=NOW + timedelta(days=300))
    later = NOW + timedelta(days=200)
    taken_back(store, later, "a@example.org", "b@example.org", "c@example.org")
    assert send(store, inbox.transport(), later) == Delivered(sent=1)
    told = [m["To"] for m in inbox.mails]
    assert told == [told[0]] * 2
    assert inbox.mails[1]["Subject"].endswith("retracted")
    with store.transaction() as tx:
        (incident,) = tx.incidents()
        assert (incident.state, set(tx.taken_back())) == (State.RETRACTED, {INCIDENT.id})
        assert "it was ice" in [c.reason for c, _ in tx.changes()][-1]
        assert alert.standings(tx.marks())[INCIDENT.id].retract is not None


def test_what_is_taken_back_before_it_was_told_is_never_told(store: Store, inbox: Inbox) -> None:
    ask(store, step())
    taken_back(store, NOW, "a@example.org")
    assert send(store, inbox.transport(), NOW + timedelta(days=1)) == Delivered()
    assert set(states(store).values()) == {"muted"}
