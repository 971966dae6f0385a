"""Access tokens of the service (OAuth 2, client credentials).

sentinelhub-py can fetch them too. It does so without a time-out and without a lock, keeps a refused token until it
expires, and its OAuth library writes the secret to the debug log. So they are fetched here and handed to it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import requests

from monitor.errors import SourceError
from monitor.sources.account import Account
from monitor.sources.sentinel_hub.deployment import Credentials, Deployment, Patience
from monitor.sources.sentinel_hub.replies import Refusal, header, refusal

MARGIN_S: Final = 60.0
"""A token is not used in the last minute of its life, nor in the last half of a short one."""

LIFE_S: Final = 300.0
"""Assumed where the service does not say."""

LONGEST_WAIT_S: Final = 30.0
LOGIN_TIMEOUT_S: Final = 30.0
"""Without a byte. All threads wait for the one that fetches."""

WRONG = frozenset({"invalid_client", "unauthorized_client", "invalid_grant"})
"""OAuth's names for credentials that are not accepted."""


@dataclass(frozen=True)
class _Token:
    value: str
    until: float
    """`time.monotonic` at which it is no longer used."""


class Tokens:
    """One token at a time, shared by all threads and renewed in time."""

    def __init__(
        self,
        deployment: Deployment,
        credentials: Credentials,
        account: Account,
        patience: Patience,
        sleep: Callable[[float], None],
    ) -> None:
        """Nothing is fetched yet."""
        self._deployment = deployment
        self._credentials = credentials
        self._account = account
        self._patience = patience
        self._sleep = sleep
        self._lock = threading.Lock()
        self._token: _Token | None = None

    def get(self) -> str:
        """A token that is accepted, as far as we know.

        Raises:
            SourceError: the credentials are refused, or the service cannot be reached.
            QuotaError: no request is left.
        """
        with self._lock:  # a cold start in many threads asks once
            if self._token is None or self._token.until <= time.monotonic():
                self._token = self._fetched()
            return self._token.value

    def forget(self, value: str) -> None:
        """That token was refused. One that another thread has fetched since is kept."""
        with self._lock:
            if self._token is not None and self._token.value == value:
                self._token = None

    def _fetched(self) -> _Token:
        trouble = ""
        for attempt in range(self._patience.attempts):
            try:
                answer = self._ask()
            except requests.RequestException as error:
                trouble, wait = type(error).__name__, self._pause(attempt)
            else:
                if answer.ok:
                    return self._token_of(answer)
                refused = refusal(answer.status_code, answer.content)
                trouble, wait = str(refused), self._wait_after(answer, refused, attempt)
            if attempt + 1 < self._patience.attempts:
                self._sleep(wait)
        raise SourceError(
            f"{self._deployment.name}: no access token ({self._credentials.scrubbed(trouble)})",
            "Try again later; the login service is down or limits us.",
        )

    def _pause(self, attempt: int) -> float:
        return float(self._patience.pause_s * 3**attempt)

    def _ask(self) -> requests.Response:
        reservation = self._account.reserve(0.0, 1, f"{self._deployment.name}: access token")
        try:
            answer = requests.post(
                self._deployment.token_url,
                data={
                    "grant_type": "client_credentials",
                    "client_id": self._credentials.client_id,
                    "client_secret": self._credentials.client_secret,
                },
                timeout=min(LOGIN_TIMEOUT_S, self._patience.timeout_s),
                # The form holds the secret: it goes to the address that was configured and nowhere else.
                allow_redirects=False,
            )
        except BaseException:
            self._account.release(reservation)
            raise
        if answer.ok:
            self._account.settle(reservation, 0.0)
        else:
            self._account.release(reservation)
        return answer

    def _wait_after(self, answer: requests.Response, refused: Refusal, attempt: int) -> float:
        """Seconds until the next try.

        Raises:
            SourceError: the credentials are refused; another try would be, too.
        """
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            said = header(answer.headers, "Retry-After") or ""
            # The login service is no part of Sentinel Hub: seconds, as everywhere else.
            return min(LONGEST_WAIT_S, float(said)) if said.isdecimal() else self._patience.wait_s
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return self._pause(attempt)
        reason = self._credentials.scrubbed(str(refused))
        if answer.status_code == HTTPStatus.UNAUTHORIZED or refused.code in WRONG:
            raise SourceError(
                f"{self._deployment.name}: the login is refused ({reason})", f"Check {self._credentials.origin}."
            )
        raise SourceError(
            f"{self._deployment.name}: no access token from {self._deployment.token_url} ({reason})",
            "Check the token address of the source.",
        )

    def _token_of(self, answer: requests.Response) -> _Token:
        try:
            told = answer.json()
            value, life = str(told["access_token"]), float(told.get("expires_in", LIFE_S))
        except (ValueError, KeyError, TypeError, AttributeError):
            value, life = "", LIFE_S
        if not (value and value.isascii() and value.isprintable() and math.isfinite(life)):
            raise SourceError(
                f"{self._deployment.name}: {self._deployment.token_url} answers, but gives no access token",
                "Check the token address of the source.",
            )
        return _Token(value, time.monotonic() + life - min(MARGIN_S, life / 2))
