"""sentinelhub-py, with an account, an end to waiting, and our errors. The one module that imports it.

What the library does: builds the requests, sends them, waits as a 429 says, repeats what failed. What it is kept from:

- `SHConfig()` creates a file in the home folder unless it is told to use its defaults;
- `download()` starts threads that keep the process alive while they sleep: its single-request part is called instead;
- the collections of its enumeration carry an address that overrides the configured one, and defining others changes
  them for the whole process: the request names the collection itself, and the Catalog takes its name as text.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

import requests
from sentinelhub.api.catalog import SentinelHubCatalog
from sentinelhub.api.process import SentinelHubRequest
from sentinelhub.config import SHConfig
from sentinelhub.constants import CRS, MimeType
from sentinelhub.download.models import DownloadRequest, DownloadResponse
from sentinelhub.download.rate_limit import SentinelHubRateLimit
from sentinelhub.download.sentinelhub_client import SentinelHubDownloadClient
from sentinelhub.exceptions import (
    BaseSentinelHubException,
    DownloadFailedException,
    OutOfRequestsException,
    SHDeprecationWarning,
    SHRuntimeWarning,
    SHUserWarning,
)
from sentinelhub.geometry import BBox, Geometry
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from monitor.errors import QuaywatchError, QuotaError, SceneError, SourceError
from monitor.grid import Grid
from monitor.sources.account import Account, next_month
from monitor.sources.sentinel_hub.deadline import within
from monitor.sources.sentinel_hub.deployment import Credentials, Deployment, Patience
from monitor.sources.sentinel_hub.order import Order
from monitor.sources.sentinel_hub.replies import Refusal, Verdict, charged, header, one_line, refusal
from monitor.sources.sentinel_hub.tokens import Tokens
from monitor.times import Interval
from monitor.units import SEARCH_UNITS

T = TypeVar("T")

OUTPUT: Final = "default"
PAGE: Final = 100
MOST_PAGES: Final = 100
"""Of one search. One that gives more has no end, or was not limited to the AOI; and each page is charged."""

LONGEST_PAUSE_S: Final = 3600.0
"""After a 429. Whatever the service says, it is asked again after an hour."""

SOON: Final = "Try again later; the service is down, slow or limits us."


class _GivenUp(Exception):
    """Nobody waits for this call any more."""


class _Limited(Exception):
    """The service wants a longer pause than this call may take; seconds."""


class Service:
    """Process and Catalog API of one deployment, for one account. Its methods may be called from several threads."""

    def __init__(
        self,
        deployment: Deployment,
        credentials: Credentials,
        account: Account,
        patience: Patience,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        """Nothing is sent yet."""
        self.deployment = deployment
        self.credentials = credentials
        self.account = account
        self.patience = patience
        self.now = now
        self.sleep = sleep
        self.tokens = Tokens(deployment, credentials, account, patience, sleep)
        self.rate_limit = SentinelHubRateLimit(minimum_wait_time=patience.gap_s)
        self.lock = threading.Lock()
        # The credentials are not in it: tokens are fetched by `Tokens`.
        self.config = SHConfig(
            use_defaults=True,
            sh_base_url=deployment.base_url,
            sh_token_url=deployment.token_url,
            max_download_attempts=patience.attempts,
            download_sleep_time=patience.pause_s,
            download_timeout_seconds=patience.timeout_s,
            max_retries=patience.limited,
        )

    def log_in(self) -> None:
        """Asks for a token, unless there is one.

        Raises:
            SourceError: the credentials are refused, or the service cannot be reached.
        """
        within(self.patience.deadline_s, lambda _: self.tokens.get(), what=f"{self.deployment.name}: access token")

    def process(self, order: Order, grid: Grid, units: float, *, what: str) -> tuple[bytes, float]:
        """The GeoTIFF of an order on a grid, and the units that it was charged with.

        Args:
            order: what to take.
            grid: at most 2500 pixels a side.
            units: forecast.
            what: for messages.

        Raises:
            SceneError: the service refuses the request, and would refuse it again.
            SourceError: it cannot be had now.
            QuotaError: the month's units or requests are used up.
        """
        request = SentinelHubRequest(
            evalscript=order.script,
            input_data=[order.input()],
            responses=[SentinelHubRequest.output_response(OUTPUT, MimeType.TIFF)],
            bbox=BBox(grid.bounds, CRS(str(grid.epsg))),
            size=(grid.width, grid.height),
            config=self.config,
        ).download_list[0]
        answer = self._ask(lambda client: client.fetch(request), units, what)
        return answer.content, charged(answer.headers, units)

    def search(self, collection: str, outline: BaseGeometry, interval: Interval, wanted: str = "") -> list[Any]:
        """Items of the Catalog, as received. `wanted`: a condition in CQL2 text; empty: none.

        Raises:
            SourceError: it cannot be asked now.
            QuotaError: the month's requests are used up.
        """
        what = f"{self.deployment.name}: search in {collection}"

        def pages(client: _Client) -> list[Any]:
            catalog = SentinelHubCatalog(config=self.config)
            catalog.client = client
            found = catalog.search(
                collection,
                time=(interval.start, interval.end),
                geometry=Geometry(mapping(outline), CRS.WGS84),
                filter=wanted or None,
                limit=PAGE,
            )
            items = []
            try:
                for item in found:
                    items.append(item)
                    if client.answered > MOST_PAGES:
                        raise SourceError(f"{what}: more than {MOST_PAGES} pages", "Ask for a shorter time.")
            except (KeyError, TypeError, AttributeError):  # the library takes the shape of an answer for granted
                raise ValueError("no page of items") from None
            return items

        return self._ask(pages, SEARCH_UNITS, what)

    def _ask(self, call: Callable[[_Client], T], units: float, what: str) -> T:
        pause_s = self.rate_limit.next_download_time - time.monotonic()
        if pause_s > self.patience.deadline_s:
            raise _limited(what, pause_s)

        def work(given_up: threading.Event) -> T:
            return self._repeated(call, _Client(self, units, what, given_up), what)

        return within(self.patience.deadline_s, work, what=what)

    def _repeated(self, call: Callable[[_Client], T], client: _Client, what: str) -> T:
        """The call, and again where a refusal passes by itself or is cured by a new token."""
        renewed, tries = False, 0
        while True:
            try:
                return call(client)
            except OutOfRequestsException:
                raise SourceError(f"{what}: limited {self.patience.limited} times in a row (429)", SOON) from None
            except _Limited as error:
                raise _limited(what, error.args[0]) from None
            except _GivenUp:
                raise SourceError(f"{what}: given up", SOON) from None
            except DownloadFailedException as error:
                refused = _refusal_of(error)
                if refused is None:
                    raise SourceError(f"{what}: no answer ({_cause(error)})", SOON) from None
                tries += 1
                if refused.verdict is Verdict.RENEW and not renewed:
                    renewed = True
                    self.tokens.forget(client.token)
                elif refused.verdict is Verdict.AGAIN and tries < self.patience.attempts:
                    self.sleep(self.patience.pause_s)
                else:
                    raise self._error_of(refused, what) from None
            except (BaseSentinelHubException, requests.RequestException, ValueError) as error:
                kind = type(error).__name__
                raise SourceError(f"{what}: an answer that cannot be understood ({kind})", SOON) from None

    def _error_of(self, refused: Refusal, what: str) -> QuaywatchError:
        reason = one_line(self.credentials.scrubbed(str(refused)))
        match refused.verdict:
            case Verdict.RENEW:
                return SourceError(
                    f"{what}: a new access token is refused as well ({reason})", f"Check {self.credentials.origin}."
                )
            case Verdict.BROKE:
                until = next_month(self.now())
                self.account.close_until(until, f"{self.deployment.name} says that no units are left")
                return QuotaError(
                    f"{what}: {self.deployment.name} says that no units are left ({reason})",
                    f"Nothing is asked of it before {until:%Y-%m-%d}.",
                )
            case Verdict.FORBIDDEN:
                return SourceError(
                    f"{what}: the account may not do this ({reason})",
                    f"Check what the client of {self.credentials.origin} is allowed.",
                )
            case Verdict.WRONG:
                return SceneError(f"{what}: the service refuses the request ({reason})", "Report it with this message.")
            case Verdict.NOWHERE:
                return SourceError(
                    f"{what}: there is no such service at {self.deployment.base_url} ({reason})",
                    "Check the address of the source.",
                )
            case Verdict.AGAIN | Verdict.LATER:
                return SourceError(f"{what}: the service fails ({reason})", SOON)


class _Client(SentinelHubDownloadClient):
    """The library's client for one call: books each request, sends nothing once it is given up."""

    def __init__(self, service: Service, units: float, what: str, given_up: threading.Event) -> None:
        super().__init__(config=service.config, default_retry_time=service.patience.wait_s)
        self.rate_limit, self.lock = service.rate_limit, service.lock
        self.token = ""
        self.answered = 0
        self._service, self._units, self._what, self._given_up = service, units, what, given_up
        self._until = time.monotonic() + service.patience.deadline_s
        # Here and not once at the import: whoever handles warnings anew in between (pytest does) would see them.
        for category in (SHDeprecationWarning, SHRuntimeWarning, SHUserWarning):
            warnings.filterwarnings("ignore", category=category)

    def fetch(self, request: DownloadRequest) -> DownloadResponse:
        """The answer, undecoded."""
        answer = self._single_download(request)
        if answer is None:
            raise ValueError("no answer was asked for")
        return answer

    def _get_session_headers(self) -> dict[str, str]:
        self.token = self._service.tokens.get()
        return {"Authorization": f"Bearer {self.token}"}

    def _do_download(self, request: DownloadRequest) -> requests.Response:
        if self._given_up.is_set():
            raise _GivenUp
        account = self._service.account
        reservation = account.reserve(self._units, 1, self._what)
        try:
            answer = super()._do_download(request)
        except (requests.ReadTimeout, requests.exceptions.ChunkedEncodingError):
            # Sent, and perhaps answered: charged, for all we know. A cap that counts too much is none that fails.
            account.settle(reservation, self._units)
            raise
        except BaseException:
            account.release(reservation)
            raise
        if answer.ok:
            self.answered += 1
            account.settle(reservation, charged(answer.headers, self._units))
        else:
            account.release(reservation)
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            self._check_pause(answer)
        return answer

    def _check_pause(self, answer: requests.Response) -> None:
        """Makes what the service says about waiting readable for the library, which dies on anything but digits.

        Raises:
            _Limited: the pause is longer than this call may take.
        """
        said = (header(answer.headers, "Retry-After") or "").strip()
        pause_ms = int(said) if said.isascii() and said.isdecimal() else round(self._service.patience.wait_s * 1000)
        answer.headers["Retry-After"] = str(pause_ms)
        if time.monotonic() + pause_ms / 1000 > self._until:
            # The calls after this one are to know of it, too.
            kept_ms = min(pause_ms, round(LONGEST_PAUSE_S * 1000))
            self._execute_thread_safe(self.rate_limit.update, {"Retry-After": kept_ms}, default=kept_ms)
            raise _Limited(pause_ms / 1000)


def _limited(what: str, pause_s: float) -> SourceError:
    return SourceError(f"{what}: the service asks us to wait {pause_s:.0f} s (429)", SOON)


def _refusal_of(error: DownloadFailedException) -> Refusal | None:
    """What the service answered; None if it did not answer."""
    cause = error.request_exception
    if cause is None or cause.response is None:
        return None
    return refusal(cause.response.status_code, cause.response.content)


def _cause(error: DownloadFailedException) -> str:
    """The kind of failure. Its text is left out: it may repeat what was sent."""
    return type(error.request_exception).__name__ if error.request_exception is not None else "no reason given"
