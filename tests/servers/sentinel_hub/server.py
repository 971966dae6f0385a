"""The stand-in itself: login, Catalog 1.0.0 and Process on one loopback port.

    with serve(world, document=real_data("api") / "sentinelhub" / "openapi.v1.yaml") as server:
        config = SHConfig(use_defaults=True, sh_base_url=server.url, sh_token_url=server.token_url, ...)
        server.faults.append(too_many(retry_after="500"))
        ...
        assert server.violations == []

Everything may be changed while it runs: `faults`, `token_life_s`, `units_quota`, `now`, `world`.

What follows recordings and the published document, and what is assumed, is said at each place; message texts are our
own. Test on status and code, never on text.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from servers.running import running
from servers.sentinel_hub import faults as trouble
from servers.sentinel_hub.catalog import SearchError, search
from servers.sentinel_hub.cql import FilterError
from servers.sentinel_hub.document import Document, Part, Problem, published
from servers.sentinel_hub.evalscript import ScriptError
from servers.sentinel_hub.faults import Fault, Trouble
from servers.sentinel_hub.process import Alteration, PayloadError, Request
from servers.sentinel_hub.world import Collection, SceneRecord, World

REALMS = ("CDSE", "main")
"""Of Copernicus Data Space, and of the commercial service."""

TOKEN_PATH = "/auth/realms/{realm}/protocol/openid-connect/token"
CATALOG_PATH = "/api/v1/catalog/1.0.0"
PROCESS_PATH = "/api/v1/process"
SIDES = {"output->width", "output->height"}


class NoUnits(Exception):
    """The quota does not reach for this request."""


@dataclass(kw_only=True)
class Recorded:
    """One request, as the server saw it. Holds no secret and no token."""

    name: str
    """token, search or process."""

    path: str
    headers: dict[str, str]
    """Names in lower case, without the authorization."""

    body: Any = None
    """JSON of the request; None: not JSON, or a login."""

    status: int = 0
    """Of the answer; 0: the connection was closed without one."""

    units: float = 0.0
    """What was charged."""

    scenes: tuple[str, ...] = ()
    """Scenes in the mosaic of a Process answer."""

    fault: str = ""
    """The trouble it met, if any."""


@dataclass(kw_only=True)
class _Tokens:
    """Those given out: token -> when it ends, on the monotonic clock."""

    valid: dict[str, float] = field(default_factory=dict)
    given: int = 0

    def new(self, client: str, life_s: float) -> str:
        self.given += 1
        claims = json.dumps({"azp": client, "exp": int(time.time() + life_s), "n": self.given}).encode()
        token = f"eyJhbGciOiJub25lIn0.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.sig"
        self.valid[token] = time.monotonic() + life_s
        return token

    def accepts(self, header: str) -> bool:
        return self.valid.get(header.removeprefix("Bearer "), 0.0) > time.monotonic()


class SentinelHub:
    """An ASGI application. `serve` runs it."""

    def __init__(
        self,
        world: World,
        *,
        document: Path | None,
        client_id: str = "client",
        client_secret: str = "secret",
        token_life_s: float = 1800,
        units_quota: float | None = None,
        seed: int = 1,
    ) -> None:
        """`document`: the published OpenAPI file. `seed`: of the faults' lots.

        `document` None: bodies are not held against it, and one that is not what it should be gets 500.
        """
        self.world = world
        self.url = ""
        self.client_id = client_id
        self.client_secret = client_secret
        self.token_life_s = token_life_s
        """Of the tokens given from now on."""

        self.units_quota = units_quota
        """Units that may be spent in all; a request that would need more gets 403. None: no end."""

        self.now: datetime | None = None
        """Scenes published later are not known. None: all are."""

        self.faults: list[Fault] = []
        self.requests: list[Recorded] = []
        self.violations: list[str] = []
        """Every request that the service would refuse as wrong, and every answer of ours that the document forbids."""

        self.units = 0.0
        """Spent so far."""

        self._document: Document | None = published(document) if document else None
        self._lots = random.Random(seed)
        self._tokens = _Tokens()
        self._account = threading.Lock()
        self._app = Starlette(
            routes=[
                Route(TOKEN_PATH, self._token, methods=["POST"]),
                Route(f"{CATALOG_PATH}/search", self._search, methods=["POST"]),
                Route(PROCESS_PATH, self._process, methods=["POST"]),
                Route("/{path:path}", self._unknown, methods=["GET", "POST", "PUT", "DELETE", "HEAD"]),
            ]
        )

    # what tests ask

    @property
    def token_url(self) -> str:
        """Where Copernicus Data Space gives tokens."""
        return self.token_url_of("CDSE")

    def token_url_of(self, realm: str) -> str:
        """CDSE, or main (the commercial service)."""
        return self.url + TOKEN_PATH.format(realm=realm)

    @property
    def counts(self) -> Counter[str]:
        """Requests by name: token, search, process."""
        return Counter(recorded.name for recorded in self.requests)

    @property
    def processed(self) -> list[Recorded]:
        """The Process requests that were answered with an image."""
        return [recorded for recorded in self.requests if recorded.name == "process" and recorded.status == 200]

    def revoke(self) -> None:
        """No token given so far is accepted any more."""
        self._tokens.valid.clear()

    def clear(self) -> None:
        """Forgets requests, violations, units and faults. Tokens stay valid."""
        self.requests.clear()
        self.violations.clear()
        self.faults.clear()
        self.units = 0.0

    # the application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. ASGI has no word for hanging up: the transport belongs to the object whose method `send` is."""
        scope["hang_up"] = send.__self__.transport.close  # type: ignore[attr-defined]
        await self._app(scope, receive, send)

    async def _token(self, request: HttpRequest) -> Response:
        meeting = await self._meet("token", request)
        if (spoiled := await meeting.spoiled()) is not None:
            return spoiled
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        if request.path_params["realm"] not in REALMS:
            return self._wrong(meeting, 404, trouble.token_error("not_found", "Realm does not exist"))
        if form.get("grant_type") != "client_credentials":
            return self._wrong(meeting, 400, trouble.token_error("unsupported_grant_type", "Unsupported grant_type"))
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            body = trouble.token_error("invalid_client", "Invalid client or Invalid client credentials")
            return self._wrong(meeting, 401, body)
        answer = {
            "access_token": self._tokens.new(self.client_id, self.token_life_s),
            "expires_in": self.token_life_s,
            "refresh_expires_in": 0,
            "token_type": "Bearer",
            "not-before-policy": 0,
            "scope": "user-context",
        }
        return meeting.answered(JSONResponse(answer))

    async def _search(self, request: HttpRequest) -> Response:
        meeting = await self._meet("search", request)
        if (spoiled := await meeting.spoiled()) is not None:
            return spoiled
        if not self._tokens.accepts(request.headers.get("authorization", "")):
            return self._wrong(meeting, 401, trouble.catalog_error(401, "Unauthorized"), Part.CATALOG_ERROR)
        body = meeting.recorded.body
        if problems := self._problems(Part.SEARCH, body):
            return self._refused_search(meeting, "; ".join(str(problem) for problem in problems))
        try:
            answer = search(self._known(body["collections"][0]), body, url=self.url + CATALOG_PATH)
        except (SearchError, FilterError) as error:
            return self._refused_search(meeting, str(error))
        if not body.keys() & {"distinct", "fields"}:  # the document has no schema for these answers
            self._hold(Part.ITEMS, answer)
        return meeting.answered(JSONResponse(answer, media_type="application/geo+json"))

    def _refused_search(self, meeting: _Meeting, description: str) -> Response:
        self.violations.append(f"search: {description}")
        return self._wrong(meeting, 400, trouble.catalog_error(400, description), Part.CATALOG_ERROR)

    async def _process(self, request: HttpRequest) -> Response:
        meeting = await self._meet("process", request)
        if (spoiled := await meeting.spoiled()) is not None:
            return spoiled
        if not self._tokens.accepts(request.headers.get("authorization", "")):
            body = trouble.process_error(401, "COMMON_UNAUTHORIZED", "Unauthorized")
            return self._wrong(meeting, 401, body, Part.PROCESS_ERROR)
        try:
            response = await asyncio.to_thread(self._image, meeting, request.headers.get("accept", ""))
        except PayloadError as error:
            problem = {"parameter": error.parameter, "violation": str(error)}
            return self._refused_process(meeting, "COMMON_BAD_PAYLOAD", str(error), problem)
        except ScriptError as error:
            return self._refused_process(meeting, "RENDERER_EXCEPTION", str(error))
        except NoUnits:
            body = trouble.process_error(403, "ACCESS_INSUFFICIENT_PROCESSING_UNITS", trouble.NO_UNITS)
            return self._wrong(meeting, 403, body)
        return meeting.answered(response)

    def _image(self, meeting: _Meeting, accept: str) -> Response:
        """In a thread of its own.

        Raises:
            PayloadError, ScriptError, NoUnits: no image.
        """
        recorded = meeting.recorded
        if recorded.body is None:
            raise PayloadError("", "Request body should be non-empty.")
        for problem in self._problems(Part.PROCESS, recorded.body):
            if problem.parameter not in SIDES:  # too large: said later, in the words that were recorded
                raise PayloadError(problem.parameter, problem.violation)
        request = Request(recorded.body)
        self._charge(request.units)
        try:
            scenes = self._known(request.options.collection)
            answer = request.answer(self.world, scenes, accept, meeting.alteration())
        except ScriptError:
            self._charge(-request.units)
            raise
        recorded.units, recorded.scenes = request.units, answer.scenes
        headers = {"X-ProcessingUnits-Spent": repr(request.units)}
        return Response(answer.content, media_type=answer.media_type, headers=headers)

    def _charge(self, units: float) -> None:
        with self._account:
            if self.units_quota is not None and self.units + units > self.units_quota + 1e-9:
                raise NoUnits
            self.units += units

    def _refused_process(self, meeting: _Meeting, code: str, message: str, *problems: dict[str, str]) -> Response:
        where = problems[0]["parameter"] if problems else code
        self.violations.append(f"process: {where}: {message}")
        return self._wrong(meeting, 400, trouble.process_error(400, code, message, *problems), Part.PROCESS_ERROR)

    async def _unknown(self, request: HttpRequest) -> Response:
        meeting = await self._meet("unknown", request)
        self.violations.append(f"{request.method} {request.url.path}: there is no such address")
        return self._wrong(meeting, 404, trouble.usual_body(404, request.url.path))

    async def _meet(self, name: str, request: HttpRequest) -> _Meeting:
        path, raw = request.url.path, await request.body()
        headers = {key: value for key, value in request.headers.items() if key != "authorization"}
        recorded = Recorded(name=name, path=path, headers=headers, body=None if name == "token" else _read(raw))
        self.requests.append(recorded)
        fault = next((fault for fault in self.faults if fault.happens(path, self._lots)), None)
        recorded.fault = fault.trouble if fault else ""
        return _Meeting(request, recorded, fault)

    def _known(self, collection: str) -> list[SceneRecord]:
        if collection not in list(Collection):
            return []
        scenes = self.world.scenes(Collection(collection))
        return [s for s in scenes if self.now is None or s.published is None or s.published <= self.now]

    def _problems(self, part: Part, body: object) -> list[Problem]:
        return self._document.problems(part, body) if self._document else []

    def _hold(self, part: Part, body: object) -> None:
        """An answer of ours against the document."""
        self.violations += [f"answer: {problem}" for problem in self._problems(part, body)]

    def _wrong(self, meeting: _Meeting, status: int, body: object, part: Part | None = None) -> Response:
        """An error answer; `part`: what the document calls it."""
        if part is not None:
            self._hold(part, body)
        return meeting.answered(JSONResponse(body, status_code=status))


@dataclass(frozen=True)
class _Meeting:
    """A request and the fault that happens to it, if any."""

    request: HttpRequest
    recorded: Recorded
    fault: Fault | None

    async def spoiled(self) -> Response | None:
        """What the client gets instead of an answer; None: the answer may be made."""
        if self.fault is None:
            return None
        await self._pause(self.fault.delay_s)
        if self.fault.trouble is Trouble.STATUS:
            body = self.fault.body
            if body is None:
                body = trouble.usual_body(self.fault.status, self.recorded.path)
            self.recorded.status = self.fault.status
            if isinstance(body, str):
                return Response(body, self.fault.status, self.fault.headers, "text/html")
            return JSONResponse(body, self.fault.status, self.fault.headers)
        if self.fault.trouble in {Trouble.CLOSED, Trouble.SILENT}:
            return _Broken(self.request, b"", None)
        return None

    def alteration(self) -> Alteration:
        """How the fault spoils an image."""
        kind = self.fault.trouble if self.fault else None
        return Alteration(shrunk=kind is Trouble.WRONG_SIZE, blank=kind is Trouble.NO_DATA)

    def answered(self, response: Response) -> Response:
        """The answer, as the fault lets it through."""
        self.recorded.status = response.status_code
        kind = self.fault.trouble if self.fault else None
        if kind is Trouble.EMPTY:
            return Response(b"", response.status_code, media_type=response.media_type)
        if kind is Trouble.CUT:
            return _Broken(self.request, bytes(response.body), response)
        return response

    async def _pause(self, seconds: float) -> None:
        """Until then, or until the client has gone."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._gone(), seconds)

    async def _gone(self) -> None:
        while (await self.request.receive())["type"] != "http.disconnect":
            pass


class _Broken(Response):
    """Sends half of a body after the headers of the whole (`like`), or nothing at all (None), and hangs up."""

    def __init__(self, request: HttpRequest, content: bytes, like: Response | None) -> None:
        super().__init__(content)
        self._hang_up = request.scope["hang_up"]
        self._like = like

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Not completed: the server then closes the connection."""
        if self._like is not None:
            start = {"type": "http.response.start", "status": self._like.status_code, "headers": self._like.raw_headers}
            await send(start)
            half = bytes(self.body[: len(self.body) // 2])
            await send({"type": "http.response.body", "body": half, "more_body": True})
        self._hang_up()
        await asyncio.sleep(0)


def _read(raw: bytes) -> Any:
    """JSON; None: none, or none that can be read."""
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


@contextmanager
def serve(world: World, *, document: Path | None, **options: Any) -> Iterator[SentinelHub]:
    """The stand-in on a free port of 127.0.0.1 until the end of the block; `options` as `SentinelHub` takes them."""
    server = SentinelHub(world, document=document, **options)
    with running(server) as url:
        server.url = url
        yield server
