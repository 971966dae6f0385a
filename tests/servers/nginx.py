"""nginx as a store of COGs: one that behaves, and one for each way in which stores and the boxes before them fail."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import requests

from servers.process import NotInstalled, free_ports, listening, running


class Behaviour(StrEnum):
    """What a port does with a request. The value is the body of its `server` block."""

    RIGHT = "location / { }"
    """Files with ranges, as a bucket gives them."""

    FLAKY = "location / { if ($is_third) { return 503; } }"
    """Every third request of a connection gets a 503: about 30 %, and the same ones in every run."""

    LIMITED = """
      limit_req_status 429;
      location / { limit_req zone=limit burst=2 nodelay; error_page 429 @limited; }
      location @limited { internal; add_header Retry-After 1 always; return 429; }"""
    """More than 5 requests a second get a 429 with `Retry-After: 1`."""

    SLOW = "location / { limit_rate 800k; }"
    """The body comes at 800 kB/s."""

    STALLED = "location / { limit_rate 1; limit_rate_after 1000; }"
    """The first 1000 bytes come at once, then one a second."""

    WHOLE = "max_ranges 0;"
    """Ranges are not known: 200 and the whole file."""

    PACKED = "gzip on; gzip_min_length 1; gzip_proxied any; gzip_types image/tiff;"
    """Whoever accepts gzip gets it, and then no ranges."""

    EMPTY = "return 444;"
    """The connection is closed without a reply."""

    BROKEN = "return 502;"
    """A gateway whose store has gone."""

    FORBIDDEN = "return 403;"
    """As with a signature that has run out."""

    GONE = "return 410;"

    ELSEWHERE = "return 302 http://localhost:$server_port$request_uri;"
    """A redirect to the same machine under a name that is on no list."""

    PAGE = "types { } default_type text/html; return 200 '<html>Log in to continue</html>';"
    """The page of a portal instead of the file."""


FILES, LOG = "files", "access.log"
"""In the folder of an nginx."""

CONFIGURATION = """
daemon off;
master_process off;
pid nginx.pid;
error_log nginx-error.log;
events {{ worker_connections 256; }}
http {{
  types {{ image/tiff tif; }}
  log_format facts escape=json '{{"port": $server_port, "method": "$request_method", "path": "$uri", '
    '"range": "$http_range", "status": $status, "sent": $body_bytes_sent, "connection": $connection}}';
  access_log {log} facts;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  root {files};
  limit_req_zone $binary_remote_addr zone=limit:1m rate=5r/s;
  map $connection_requests $is_third {{ default 0; ~[258]$ 1; }}
{servers}
}}
"""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A line of the access log."""

    port: int
    method: str
    path: str
    range: str
    """The header as it came; empty: none."""

    status: int
    """499: the client hung up. 444: nginx did."""

    sent: int
    """Bytes of the body."""

    connection: int
    """The same number: the same connection, kept open."""


@dataclass(frozen=True, kw_only=True)
class Nginx:
    """A running nginx."""

    files: Path
    """What lies here is served by every port that serves files."""

    ports: Mapping[Behaviour, int]
    log: Path = field(repr=False)

    def address(self, behaviour: Behaviour, path: str = "") -> str:
        """Of a file on the port that behaves so."""
        return f"http://127.0.0.1:{self.ports[behaviour]}/{path}"

    def requests(self, behaviour: Behaviour, path: str) -> list[Request]:
        """What the port was asked about a file since the start, in the order in which the answers ended."""
        # nginx writes a line after the last byte of the answer: one more request, and the lines before are there
        requests.get(self.address(Behaviour.RIGHT, "mark"), timeout=10).close()
        lines: list[dict[str, Any]] = [json.loads(line) for line in self.log.read_text().splitlines()]
        every = [Request(**line) for line in lines]
        return [r for r in every if r.port == self.ports[behaviour] and r.path == f"/{path}"]


def _program() -> str:
    """The program.

    Raises:
        NotInstalled: it is missing.
    """
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        raise NotInstalled("no nginx")
    return found


@contextmanager
def nginx() -> Iterator[Nginx]:
    """An nginx with a port for every behaviour, until the end of the block.

    Raises:
        NotInstalled: it is missing on this machine.
    """
    with _serving([behaviour.value for behaviour in Behaviour]) as (folder, ports):
        by_behaviour = dict(zip(Behaviour, ports, strict=True))
        yield Nginx(files=folder / FILES, ports=by_behaviour, log=folder / LOG)


@contextmanager
def flaky_front(upstream: str) -> Iterator[str]:
    """The address of a gateway before another server, until the end of the block. It answers every third request of a
    connection with a 502.

    Raises:
        NotInstalled: it is missing on this machine.
    """
    passing = f"proxy_pass {upstream}; proxy_set_header Host $http_host;"
    with _serving([f"location / {{ if ($is_third) {{ return 502; }} {passing} }}"]) as (_, ports):
        yield f"http://127.0.0.1:{ports[0]}"


@contextmanager
def _serving(blocks: Sequence[str]) -> Iterator[tuple[Path, list[int]]]:
    """Its folder, and the port of each `server` block."""
    program = _program()
    with tempfile.TemporaryDirectory(prefix="quaywatch-nginx-") as name:
        folder = Path(name)
        (folder / FILES).mkdir()
        ports = free_ports(len(blocks))
        pairs = zip(ports, blocks, strict=True)
        servers = "\n".join(f"  server {{ listen 127.0.0.1:{port}; {block} }}" for port, block in pairs)
        configuration = folder / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(files=folder / FILES, log=folder / LOG, servers=servers))
        with running(
            [program, "-p", folder, "-c", configuration],
            ready=lambda: all(map(listening, ports)),
            environment={"PATH": os.environ["PATH"]},
            folder=folder,
        ):
            yield folder, ports
