"""Mail as .eml files in a folder: for the demonstration, for tests, and for a desk without a mail server."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

from monitor.errors import DeliveryError


class Mailbox:
    """Writes each mail to a file of its own; the same Message-ID is there once, however often it is sent."""

    def __init__(self, folder: Path) -> None:
        """The folder is made with the first mail."""
        self.folder = folder

    def send(self, message: EmailMessage) -> None:
        """Writes the mail; a file with this name is always whole.

        Raises:
            DeliveryError: the folder cannot be written; not permanent.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not any(self.folder.glob(f"*-{_digest(message)}.eml")):
                self._write(self.folder / file_name(message), message.as_bytes())
        except OSError as error:
            raise DeliveryError(
                f"cannot write mail to {self.folder}: {error.strerror}", "Check mail.outbox.", permanent=False
            ) from error

    def _write(self, path: Path, content: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def file_name(message: EmailMessage) -> str:
    """20251004T092000Z-surge-at-rajin-1f3c....eml: sorts by date and says what it is."""
    moment = parsedate_to_datetime(str(message["Date"]))
    slug = re.sub(r"[^a-z0-9]+", "-", str(message["Subject"]).lower()).strip("-")[:60].strip("-") or "mail"
    return f"{moment:%Y%m%dT%H%M%SZ}-{slug}-{_digest(message)}.eml"


def _digest(message: EmailMessage) -> str:
    return hashlib.sha256(str(message["Message-ID"]).encode()).hexdigest()[:12]
