"""Tokens for the storage of Planetary Computer. A file there is read under its address with a token behind it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from monitor.errors import SceneError, SourceError, UsageError
from monitor.sources.guard import Policy, allows
from monitor.sources.web import Body, Refused, Web
from monitor.times import utc

SERVICE = "https://planetarycomputer.microsoft.com/api/sas"
STORAGE = ("*.blob.core.windows.net",)
"""Only addresses of these hosts are signed."""

KEY_HEADER = "Ocp-Apim-Subscription-Key"

MARGIN_S = 120.0
"""A token is not used for the last seconds of its life: clocks differ, and a read takes time."""

WITHOUT_CLOCK_S = 300.0
"""How long a token is used if the service does not say what time it is. They live for 45 minutes at least."""

LARGEST = 100_000
"""Bytes of an answer with a token."""


@dataclass(frozen=True)
class _Token:
    text: str = field(repr=False)
    until: float
    """By our monotonic clock, s: it is not wrong when the wall clock is."""


class PlanetaryComputer:
    """A `Signer`. Safe to use from many threads; each container's token is asked for once."""

    def __init__(
        self,
        web: Web,
        *,
        service: str = SERVICE,
        key: str = "",
        hosts: tuple[str, ...] = STORAGE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Asks nothing yet.

        Args:
            web: for the token service; its policy must allow that host.
            service: address of the token service.
            key: subscription key; empty: none. It is sent to the service and shown nowhere.
            hosts: whose addresses are signed; others are passed on as they are.
            clock: seconds, never turned back.
        """
        self._web, self._service, self._clock = web, service.rstrip("/"), clock
        self._headers = {KEY_HEADER: key} if key else {}
        self._policy = Policy(hosts=hosts)
        self._tokens: dict[str, _Token] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._given = threading.local()

    def __repr__(self) -> str:
        return f"PlanetaryComputer({self._service!r})"

    def __call__(self, url: str, fresh: bool) -> str:
        """The address with a token. `fresh` True: the one that this thread was given last has been refused.

        Raises:
            SourceError: there is no token now, or none for us.
        """
        parts = urlsplit(url)
        host, container = parts.hostname or "", parts.path.strip("/").partition("/")[0]
        if not allows(self._policy, host) or not container:
            return url
        name = f"{quote(host.removesuffix('.blob.core.windows.net'))}/{quote(container)}"
        token = self._token(name, fresh)
        return f"{url}{'&' if parts.query else '?'}{token.text}"

    def _token(self, name: str, fresh: bool) -> _Token:
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            token = self._tokens.get(name)
            refused = fresh and token is getattr(self._given, name, None)  # else another thread has renewed it
            if token is None or refused or self._clock() >= token.until:
                token = self._tokens[name] = self._asked(name)
        setattr(self._given, name, token)
        return token

    def _asked(self, name: str) -> _Token:
        asked_at = self._clock()
        try:
            body = self._web.get(f"{self._service}/v1/token/{name}", headers=self._headers, largest=LARGEST)
        except Refused as error:
            raise SourceError(
                f"{name}: its tokens are given only with a subscription key"
                + (", and ours was refused" if self._headers else ""),
                "Set `key_env` of the source to an environment variable that holds one, or take the collection out.",
            ) from error
        except SceneError as error:
            raise SourceError(
                f"{name}: the token service does not know it", "Check `token_url` of the source."
            ) from error
        text, life = _read(name, body)
        return _Token(text, asked_at + max(0.0, life - MARGIN_S))


def _read(name: str, body: Body) -> tuple[str, float]:
    """The token, and how long it lives from now on by the clock of the service, s."""
    hint = "It is asked again at the next poll."
    try:
        answer = json.loads(body.content)
        text, expiry = str(answer["token"]).lstrip("?"), utc(str(answer["msft:expiry"]))
    except (ValueError, KeyError, TypeError, RecursionError, UsageError) as error:
        raise SourceError(f"{name}: the token service's answer holds no token", hint) from error
    life = WITHOUT_CLOCK_S + MARGIN_S if body.date is None else (expiry - body.date).total_seconds()
    if not text or life <= 0:
        raise SourceError(f"{name}: the token service gives tokens that have run out already", hint)
    return text, life
