"""Message -> the mail that carries it."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from typing import TYPE_CHECKING, cast

from monitor import __version__
from monitor.config import ADDRESS
from monitor.errors import DeliveryError

if TYPE_CHECKING:
    from monitor.message import Message

_MESSAGE_ID = re.compile(r"<[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+>")
_LONGEST_SUBJECT = 200


def message_id_for(key: str, recipient: str, sender: str) -> str:
    """The Message-ID of a message to a recipient: the same for the same `key`, so that a repeat can be recognised."""
    digest = hashlib.sha256(f"{key}\n{recipient.lower()}".encode("utf-8", "replace")).hexdigest()[:32]
    return f"<{digest}@{sender.rpartition('@')[2]}>"


class _Verbatim(UnstructuredHeader, BaseHeader):
    """A header of ids or addresses: broken between words only.

    The library writes a word longer than a line as an RFC 2047 encoded word, which RFC 5322 forbids in ids and which
    mail programs do not decode there: threads would fall apart (seen with Python 3.11.7).
    """

    def fold(self, *, policy: Policy) -> str:  # noqa: ARG002 - the library asks for it by this name
        """The header, one word a line."""
        return f"{self.name}: " + "\r\n ".join(str(self).split()) + "\r\n"


def _policy_headers() -> HeaderRegistry:
    registry = HeaderRegistry()
    for name in ("references", "in-reply-to", "list-unsubscribe", "x-quaywatch-key"):
        registry.map_to_type(name, _Verbatim)
    return registry


_POLICY = SMTP.clone(header_factory=_policy_headers())


def compose(
    message: Message, *, sender: str, recipient: str, message_id: str, date: datetime, references: str | None = None
) -> EmailMessage:
    """The mail: text, and HTML with its pictures inside; nothing is fetched when it is read.

    `references` are the Message-IDs of earlier mails of the same incident, oldest first, separated by blanks.
    `date` is aware. All lines are ASCII (quoted-printable), as servers without 8BITMIME require.

    Raises:
        DeliveryError: an address or id cannot stand in a header; permanent.
    """
    for address in (sender, recipient):
        _check(ADDRESS, address, "a mail address")
    for identity in (message_id, *(references or "").split()):
        _check(_MESSAGE_ID, identity, "a Message-ID")
    mail = EmailMessage(policy=_POLICY)
    mail["Subject"] = _one_line(message.subject)[:_LONGEST_SUBJECT]
    mail["From"] = sender
    mail["To"] = recipient
    mail["Date"] = format_datetime(date.astimezone(UTC))
    mail["Message-ID"] = message_id
    if references and references.split():
        mail["In-Reply-To"] = references.split()[-1]
        mail["References"] = " ".join(references.split())
    # Nobody's out-of-office reply should answer a machine (RFC 3834; the second is for Exchange).
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["List-Unsubscribe"] = f"<mailto:{sender}?subject=unsubscribe>"
    mail["X-Quaywatch-Version"] = __version__
    mail["X-Quaywatch-Key"] = _one_line(message.message_key).encode("ascii", "replace").decode()
    _add_body(mail, message)
    return mail


def _add_body(mail: EmailMessage, message: Message) -> None:
    mail.set_content(_encodable(message.text), cte="quoted-printable")
    mail.add_alternative(_encodable(message.html), subtype="html", cte="quoted-printable")
    html = cast("EmailMessage", list(mail.iter_parts())[-1])
    for cid, png in message.images.items():
        name = re.sub(r"[^A-Za-z0-9._-]", "-", cid.partition("@")[0])
        html.add_related(
            png,
            maintype="image",
            subtype="png",
            cid=f"<{_one_line(cid)}>",
            disposition="inline",
            filename=f"{name}.png",
        )


def _check(pattern: re.Pattern[str], value: str, what: str) -> None:
    if not pattern.fullmatch(value):
        raise DeliveryError(f"{value!r} is not {what}", "Correct [mail] in config.toml.", permanent=True)


def _encodable(text: str) -> str:
    """Without the half characters (lone surrogates) that broken JSON can bring in."""
    return text.encode("utf-8", "replace").decode()


def _one_line(text: str) -> str:
    """Without line breaks and control characters: text from outside must not start a header of its own."""
    return " ".join("".join(c if c.isprintable() else " " for c in _encodable(text)).split())
