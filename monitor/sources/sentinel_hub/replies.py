"""What the service answered, and what its refusals mean for us. Status and code decide, never the wording."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any

LONGEST_TEXT = 200
"""Characters of a service's message that are repeated in an error."""

NO_UNITS = "ACCESS_INSUFFICIENT_PROCESSING_UNITS"
EMPTY_BODY = "Request body should be non-empty."
"""The one wording that decides: it comes with the code of every bad request, and passes by itself."""

ELSEWHERE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE})
SPENT = "X-ProcessingUnits-Spent"


class Verdict(Enum):
    """What to do about a refusal."""

    RENEW = "the token is refused: get a new one, once"
    AGAIN = "it passes by itself: try again"
    BROKE = "nothing is left this month: ask no more"
    WRONG = "this request is refused, and will be"
    FORBIDDEN = "the account may not do this"
    NOWHERE = "the address is wrong"
    LATER = "the service fails"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An answer that is no success."""

    status: int
    code: str
    """COMMON_BAD_PAYLOAD, ...; empty: none given."""

    message: str
    """One line, cut; whatever the service wrote, so scrub it before it is shown."""

    @property
    def verdict(self) -> Verdict:
        """What to do about it."""
        if self.status == HTTPStatus.UNAUTHORIZED:
            return Verdict.RENEW
        if self.status == HTTPStatus.FORBIDDEN:
            return Verdict.BROKE if self.code == NO_UNITS else Verdict.FORBIDDEN
        if self.status == HTTPStatus.BAD_REQUEST:
            return Verdict.AGAIN if EMPTY_BODY in self.message else Verdict.WRONG
        if self.status in ELSEWHERE:
            return Verdict.NOWHERE
        return Verdict.LATER

    def __str__(self) -> str:
        return ", ".join(filter(None, [f"status {self.status}", self.code, self.message]))


def refusal(status: int, body: bytes) -> Refusal:
    """Of an answer: `{"error": {code, message}}`, the same unwrapped, `{"code", "description"}`, or no JSON at all."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = {}
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        answer = answer["error"]
    if not isinstance(answer, dict):
        answer = {}
    message = answer.get("message") or answer.get("description") or answer.get("error_description") or ""
    code = answer.get("code") or answer.get("error") or ""
    return Refusal(status=status, code=one_line(code), message=one_line(message))


def one_line(text: Any) -> str:
    """Printable characters only, in one line, cut."""
    words = " ".join(str(text).split())
    shown = "".join(c for c in words if c.isprintable())
    return shown if len(shown) <= LONGEST_TEXT else shown[:LONGEST_TEXT] + "..."


def header(headers: Mapping[str, Any], name: str) -> str | None:
    """The value of a header, whatever its capitals."""
    return next((str(v) for k, v in headers.items() if k.lower() == name.lower()), None)


def charged(headers: Mapping[str, Any], forecast: float) -> float:
    """Units of an answered request: as the service says, else as forecast."""
    try:
        units = float(header(headers, SPENT) or "")
    except ValueError:
        return forecast
    return units if math.isfinite(units) and units >= 0 else forecast
