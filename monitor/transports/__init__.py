"""Ways to deliver a message: a mail server, or a folder of .eml files.

A transport sends one mail to one recipient, or raises `DeliveryError`, which says whether trying again can help.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from monitor.config import Mail, credentials
from monitor.errors import ConfigError
from monitor.transports.composing import compose, message_id_for

__all__ = ["Transport", "compose", "message_id_for", "open_transport"]


class Transport(Protocol):
    """One way to deliver mail."""

    def send(self, message: EmailMessage) -> None:
        """Delivers the mail to the recipient in its `To`; returning means: accepted.

        Raises:
            DeliveryError: it was not; `permanent` if trying again is of no use.
        """


def open_transport(mail: Mail, environ: Mapping[str, str], root: Path) -> Transport:
    """The transport that [mail] asks for. Opens no connection yet.

    Raises:
        ConfigError: it asks for none, or the login is not in the environment.
    """
    if mail.outbox:
        from monitor.transports.mailbox import Mailbox  # noqa: PLC0415 - children are imported when called for

        return Mailbox(root / mail.outbox)
    if mail.host:
        from monitor.transports.email import Smtp  # noqa: PLC0415

        return Smtp(mail, credentials(mail, environ))
    raise ConfigError("mail is not set up", "Set mail.host (or mail.outbox for .eml files) in config.toml.")
