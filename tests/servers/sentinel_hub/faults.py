"""What can go wrong with an answer, and the bodies that go with it (recorded ones where there are recordings)."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Headers = dict[str, str]


class Trouble(StrEnum):
    """How an answer goes wrong."""

    STATUS = "status"
    """`status` with `body` and `headers`; nothing is computed or charged."""

    LATE = "late"
    """The right answer, only after `delay_s`."""

    SILENT = "silent"
    """Nothing for `delay_s`, then the connection is closed."""

    CLOSED = "closed"
    """The connection is closed without an answer."""

    CUT = "cut"
    """Half of the announced body, then the connection is closed. Charged."""

    EMPTY = "empty"
    """200 without a body. Charged."""

    WRONG_SIZE = "wrong size"
    """200 with half as many rows and columns as asked for. Charged. Process only."""

    NO_DATA = "no data"
    """200, and nothing is seen in the image. Charged. Process only."""


@dataclass
class Fault:
    """The first fault of the list that happens to a request decides about its answer."""

    trouble: Trouble
    path: str = "process"
    """Part of the path: token, search, process; empty: any."""

    times: int | None = 1
    """To how many requests it happens; None: for ever."""

    probability: float = 1.0
    """How often, by lot, it happens to a request it applies to. The lots are drawn from the seed of the server."""

    after: int = 0
    """How many requests of its path it lets pass first."""

    status: int = 0
    headers: Headers = field(default_factory=dict)
    body: Any = None
    """JSON value or text of a STATUS; None: the service's own for this status and path."""

    delay_s: float = 0.0

    def happens(self, path: str, lots: random.Random) -> bool:
        """True if the next request for the path gets it. Counts."""
        if self.times == 0 or self.path not in path:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.probability < 1 and lots.random() >= self.probability:
            return False
        self.times = None if self.times is None else self.times - 1
        return True


def status(code: int, path: str = "process", **more: Any) -> Fault:
    """An error status with the service's own body."""
    return Fault(Trouble.STATUS, path, status=code, **more)


def quota(**more: Any) -> Fault:
    """403: the month's units are used up."""
    return status(403, body=process_error(403, "ACCESS_INSUFFICIENT_PROCESSING_UNITS", NO_UNITS), **more)


def forbidden(**more: Any) -> Fault:
    """403: the account may not do this."""
    return status(403, body=process_error(403, "COMMON_INSUFFICIENT_PERMISSIONS", "Insufficient permissions."), **more)


def too_many(path: str = "process", *, retry_after: str | None = "3398", **more: Any) -> Fault:
    """429. `retry_after` in MILLISECONDS, as the service sends it; None: no header. The body is not wrapped."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return status(429, path, headers=headers, **more)


def empty_request(**more: Any) -> Fault:
    """400 that is no fault of the client: the service lost the body of the request."""
    return status(400, body=process_error(400, "COMMON_BAD_PAYLOAD", "Request body should be non-empty."), **more)


NO_UNITS = "Insufficient processing units or requests available in your account."

REASONS: Mapping[int, str] = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def process_error(code: int, name: str, message: str, *problems: Mapping[str, str]) -> dict[str, Any]:
    """An error body of the Process API."""
    body: dict[str, Any] = {"status": code, "reason": REASONS[code], "message": message, "code": name}
    return {"error": body | ({"errors": list(problems)} if problems else {})}


def catalog_error(code: int | str, description: str) -> dict[str, Any]:
    """An error body of the Catalog API."""
    return {"code": str(code), "description": description}


def token_error(name: str, description: str) -> dict[str, Any]:
    """An error body of the login, in Keycloak's form (assumed, not recorded)."""
    return {"error": name, "error_description": description}


RATE_LIMIT = {
    "status": 429,
    "reason": "Too Many Requests",
    "message": "You have exceeded your rate limit",
    "code": "RATE_LIMIT_EXCEEDED",
}
"""Recorded: not wrapped in `error` as others are."""

CODES = {
    401: "COMMON_UNAUTHORIZED",
    403: "COMMON_INSUFFICIENT_PERMISSIONS",
    400: "COMMON_BAD_PAYLOAD",
    404: "COMMON_NOT_FOUND",
}


def usual_body(code: int, path: str) -> Any:
    """What the service says with this status: JSON, or the text of the proxy before it."""
    if code == 429:
        return RATE_LIMIT
    if code in {502, 503, 504}:
        return f"<html><body><h1>{code} {REASONS[code]}</h1></body></html>"
    if "token" in path:
        return token_error("invalid_client" if code == 401 else "server_error", REASONS[code])
    if "catalog" in path:
        return catalog_error(code, REASONS[code])
    return process_error(code, CODES.get(code, "COMMON_EXCEPTION"), REASONS[code])
