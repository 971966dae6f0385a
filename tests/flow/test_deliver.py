"""Sending, against a real mail server on loopback: once, later, never, and after a crash."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from flow.conftest import Crash
from monitor.alert import Change, Incident, Kind, State
from monitor.config import Mail, Security
from monitor.errors import DeliveryError
from monitor.flow.deliver import FIRST_WAIT, LONGEST_WAIT, MOST_ATTEMPTS, Delivered, deliver, take_up
from monitor.flow.tell import Recipients, queue
from monitor.message import Message
from monitor.store import Store
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


def write(change: Change) -> Message:
    return Message(
        subject=f"{change.incident.id} {change.new}", text="t", html="<p>t</p>", images={}, message_key=change.id
    )


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
    def fails(change: Change) -> Message:
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
