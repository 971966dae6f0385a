"""Sends what is waiting: at most one message an incident state and recipient, whatever crashes.

What marks hold back waits; what they made needless is `muted`. What happens in many places at once goes into one
message.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from monitor import alert
from monitor.alert import UNMARKED, Change, Standing, State, Telling
from monitor.errors import DeliveryError
from monitor.message import Message
from monitor.store import Store, Transaction
from monitor.transports import Transport, compose, message_id_for

FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=12)
MOST_ATTEMPTS = 12
"""With doubling waits this is about three days: as long as mail servers themselves try."""

MOST_REFERENCES = 20
"""Earlier messages that one message refers to: mail programs cut longer headers."""

Row = Mapping[str, Any]
"""Of the table of deliveries."""


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """How a round of sending went, in messages."""

    sent: int = 0
    postponed: int = 0
    failed: int = 0
    problems: tuple[str, ...] = ()
    naming: Mapping[str, int] = field(default_factory=dict, compare=False)
    """AOI -> messages sent that name it."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One message to one recipient: about one step, or about several that are one piece of news."""

    recipient: str
    rows: tuple[Row, ...]
    changes: tuple[Change, ...]
    """Of the rows, in their order."""


def deliver(
    store: Store, transport: Transport, write: Callable[[Sequence[Change]], Message], *, sender: str, now: datetime
) -> Delivered:
    """Sends every message that is due. Its rows are claimed before it leaves, and settled after it, all together.

    A crash in between leaves the rows `sending`: `take_up` makes them wait again, and the message then tells the same
    steps under the same Message-ID, so that a mail system can tell that it is the same.
    """
    with store.transaction() as tx:
        letters = _letters(tx, now)
    done: Counter[str] = Counter()
    naming: Counter[str] = Counter()
    problems: list[str] = []
    for planned in letters:
        letter = _claimed(store, planned, sender, now)
        if letter is None:
            continue
        try:
            transport.send(
                compose(
                    write(letter.changes),
                    sender=sender,
                    recipient=letter.recipient,
                    message_id=letter.rows[0]["message_id"],
                    date=now,
                    references=_first_told(store, letter),
                )
            )
        except DeliveryError as error:
            permanent = error.permanent or max(row["attempts"] for row in letter.rows) + 1 >= MOST_ATTEMPTS
            _settle(store, letter, now, error, permanent=permanent)
            done["failed" if permanent else "postponed"] += 1
            problems.append(f"mail to {letter.recipient}: {error.message}")
            continue
        with store.transaction() as tx:
            for row in letter.rows:
                tx.finish_delivery(row["change"], letter.recipient, "sent")
        done["sent"] += 1
        naming.update({change.incident.aoi for change in letter.changes})
    return Delivered(**done, problems=tuple(problems), naming=naming)


def _letters(tx: Transaction, now: datetime) -> list[Letter]:
    """What is to leave now; what marks made needless is settled as `muted`."""
    waiting: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in tx.deliveries(state="waiting"):
        waiting[row["incident"], row["recipient"]].append(row)
    if not waiting:
        return []
    changes = {change.id: (change, recorded) for change, recorded in tx.changes()}
    marked = alert.standings(tx.marks())
    due: dict[str, list[Row]] = defaultdict(list)
    for (incident, recipient), unordered in waiting.items():
        rows = sorted(unordered, key=lambda row: _age(row, changes))
        standing = marked.get(incident, UNMARKED)
        if standing != UNMARKED:
            rows = _unmuted(tx, rows, standing, {r["change"]: changes[r["change"]][0] for r in rows}, now)
        due[recipient] += [row for row in rows if row["not_before"] <= now.isoformat()]
    steps = {name: change for name, (change, _) in changes.items()}
    letters = [letter for recipient, rows in due.items() for letter in grouped(recipient, rows, steps)]
    return sorted(letters, key=lambda letter: min((row["not_before"], row["change"]) for row in letter.rows))


def _age(row: Row, changes: Mapping[str, tuple[Change, datetime]]) -> tuple[datetime, datetime, str]:
    change, recorded = changes[row["change"]]
    return recorded, change.at, change.id


def _unmuted(
    tx: Transaction, rows: Sequence[Row], standing: Standing, changes: Mapping[str, Change], now: datetime
) -> list[Row]:
    """Of the waiting rows of one incident and recipient, oldest first, those that may leave now."""
    incident = next(iter(changes.values())).incident
    newest = max((at for _, at in tx.usable_instants(incident.aoi)), default=None)
    when = {name: alert.telling(standing, change.new, now, newest) for name, change in changes.items()}
    leaving = [row for row in rows if when[row["change"]] is Telling.NOW]
    needless = [row for row in rows if when[row["change"]] is Telling.NEVER]
    if leaving and (standing.snooze is not None or standing.retract is not None):
        # the newest step says how things stand: those before it need not be told any more
        until = rows.index(leaving[-1])
        needless += [row for row in rows[:until] if row not in needless]
        leaving = leaving[-1:]
    if leaving and changes[leaving[-1]["change"]].new is State.RETRACTED and not _was_told(tx, leaving[-1]):
        needless += leaving  # there is nothing to correct
        leaving = []
    for row in needless:
        tx.finish_delivery(row["change"], row["recipient"], "muted")
    return leaving


def _was_told(tx: Transaction, row: Row) -> bool:
    """True if the recipient has had, or may have had, a message about the incident."""
    return any(
        d["recipient"] == row["recipient"] and d["state"] in {"sent", "sending"}
        for d in tx.deliveries(incident=row["incident"])
    )


def grouped(recipient: str, rows: Iterable[Row], changes: Mapping[str, Change]) -> list[Letter]:
    """The rows of a recipient as letters, each row in exactly one. `changes`: by id.

    What was to be told in one message once is told so again.
    """
    joined: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: str(r["change"])):
        joined[row["message_id"]].append(row)
    whole = [tuple(shared) for shared in joined.values() if len(shared) > 1]
    single = {shared[0]["change"]: shared[0] for shared in joined.values() if len(shared) == 1}
    whole += [tuple(single[c.id] for c in group) for group in alert.groups([changes[name] for name in single])]
    return [
        Letter(recipient=recipient, rows=shared, changes=tuple(changes[row["change"]] for row in shared))
        for shared in whole
    ]


def _claimed(store: Store, planned: Letter, sender: str, now: datetime) -> Letter | None:
    """With those of its rows that nobody else has claimed, under one Message-ID; None: there are none."""
    with store.transaction() as tx:
        held = [
            (row, change)
            for row, change in zip(planned.rows, planned.changes, strict=True)
            if tx.claim_delivery(row["change"], planned.recipient, now)
        ]
        if not held:
            return None
        rows, changes = zip(*held, strict=True)
        if len({row["message_id"] for row in rows}) > 1:
            names = sorted(row["change"] for row in rows)
            joint = message_id_for("\n".join(names), planned.recipient, sender)
            tx.join_deliveries(names, planned.recipient, joint)
            rows = tuple({**row, "message_id": joint} for row in rows)
    return Letter(recipient=planned.recipient, rows=rows, changes=changes)


def _first_told(store: Store, letter: Letter) -> str | None:
    """Message-ID of the first message about each incident to this recipient: it makes a thread."""
    own = {row["change"] for row in letter.rows}
    found = []
    with store.transaction() as tx:
        for row in letter.rows:
            told = [
                d["message_id"]
                for d in tx.deliveries(state="sent", incident=row["incident"])
                if d["recipient"] == letter.recipient and d["change"] not in own
            ]
            found += told[:1]
    return " ".join(list(dict.fromkeys(found))[:MOST_REFERENCES]) or None


def _settle(store: Store, letter: Letter, now: datetime, error: DeliveryError, *, permanent: bool) -> None:
    wait = min(FIRST_WAIT * 2 ** max(row["attempts"] for row in letter.rows), LONGEST_WAIT)
    with store.transaction() as tx:
        for row in letter.rows:
            tx.finish_delivery(
                row["change"],
                letter.recipient,
                "failed" if permanent else "waiting",
                error=error.message,
                not_before=now + wait,
            )


def take_up(store: Store) -> int:
    """Makes messages wait again that a crash left half sent; how many. Only the one daemon may call it."""
    with store.transaction() as tx:
        stuck = tx.deliveries(state="sending")
        for row in stuck:
            tx.finish_delivery(row["change"], row["recipient"], "waiting")
    return len({(row["recipient"], row["message_id"]) for row in stuck})
