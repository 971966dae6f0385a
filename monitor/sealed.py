"""JSON files that end in a hash of themselves: what does not hold to the last byte counts for nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

SEAL: Final = b',\n"seal":"%s"}\n'
SEAL_LENGTH: Final = len(SEAL % bytes(64))


def seal(record: Mapping[str, Any]) -> bytes:
    """The record as the bytes of a JSON file that ends in the SHA-256 of what stands before it."""
    body = json.dumps(record, separators=(",", ":")).encode()[:-1]
    return body + SEAL % hashlib.sha256(body).hexdigest().encode()


def unseal(content: bytes) -> dict[str, Any]:
    """The record of a sealed file.

    Raises:
        ValueError: a byte of it is not as it was written.
    """
    body = content[:-SEAL_LENGTH]
    if content != body + SEAL % hashlib.sha256(body).hexdigest().encode():
        raise ValueError("its seal is broken")
    record: dict[str, Any] = json.loads(content)
    return record
