"""Guarded HTTP against a real server on loopback, with every fault that providers have shown."""

from __future__ import annotations

import json
import logging
import shutil
import socket
import ssl
import subprocess
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import requests
from servers.files import Fault, FileServer, Trouble, serve
from servers.running import running
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.errors import SceneError, SourceError
from monitor.sources import web as module
from monitor.sources.guard import problem, public
from monitor.sources.web import LONGEST_WAIT, PastEnd, Policy, Refused, Web, shown

CONTENT = bytes(range(256)) * 1000
SECRET = "c2VjcmV0"
OURS = Policy(hosts=("127.0.0.1",), private=True, read_s=0.5)


class Clock:
    """Waits by taking note."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileServer]:
    folder = tmp_path_factory.mktemp("www")
    (folder / "a.tif").write_bytes(CONTENT)
    with serve(folder) as running_server:
        yield running_server


@pytest.fixture
def server(one_server: FileServer) -> FileServer:
    one_server.reset()
    return one_server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def web(clock: Clock) -> Iterator[Web]:
    with Web(OURS, sleep=clock) as made:
        yield made


def failed(call: Callable[[], object], kind: type[SourceError] = SourceError) -> SourceError:
    """The error, of exactly this kind, which has a next step and holds no secret, nor do those behind it."""
    with pytest.raises(SourceError) as caught:
        call()
    error = caught.value
    assert type(error) is kind, error
    assert error.hint
    chain: BaseException | None = error
    while chain is not None:
        assert SECRET not in f"{chain!r} {chain}"
        chain = chain.__cause__ or chain.__context__
    assert SECRET not in "".join(traceback.format_exception(error))
    return error


# what is there


def test_a_whole_resource(server: FileServer, web: Web) -> None:
    body = web.get(f"{server.url}/a.tif")
    assert (body.content, body.start, body.total, body.status) == (CONTENT, 0, len(CONTENT), 200)
    assert body.etag
    assert body.date is not None
    assert abs(body.date - datetime.now(UTC)) < timedelta(minutes=1)
    assert server.requests[0].range == ""


@pytest.mark.parametrize(
    ("start", "length", "last"),
    [(0, 1, 0), (1, 1000, 1000), (255_990, 10, 255_999), (255_990, 500, 255_999), (100, None, 255_999)],
)
def test_a_range(server: FileServer, web: Web, start: int, length: int | None, last: int) -> None:
    body = web.get(f"{server.url}/a.tif", start=start, length=length)
    assert body.content == CONTENT[start : last + 1]
    assert (body.start, body.total, body.status) == (start, len(CONTENT), 206)
    assert len(server.requests) == 1


def test_json(tmp_path: Path, web: Web) -> None:
    (tmp_path / "good.json").write_text('{"token": [1]}')
    (tmp_path / "bad.json").write_text('{"token": ')
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with serve(tmp_path) as server:
        assert web.get_json(f"{server.url}/good.json") == {"token": [1]}
        for name in ("bad", "deep"):
            assert "no JSON" in failed(lambda: web.get_json(f"{server.url}/{name}.json?sig={SECRET}")).message  # noqa: B023


def test_the_clock_handed_out_is_the_server_s(server: FileServer, web: Web) -> None:
    server.skew = timedelta(hours=-7)
    date = web.get(f"{server.url}/a.tif").date
    assert date is not None
    assert timedelta(hours=6.9) < datetime.now(UTC) - date < timedelta(hours=7.1)


def test_many_threads_share_few_connections(server: FileServer, web: Web) -> None:
    with ThreadPoolExecutor(8) as pool:
        starts = range(0, 60_000, 1000)
        bodies = list(pool.map(lambda at: web.get(f"{server.url}/a.tif", start=at, length=1000), starts))
    assert b"".join(b.content for b in bodies) == CONTENT[:60_000]


def test_a_connection_is_kept_for_the_next_request(web: Web) -> None:
    peers = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        peers.append(scope["client"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    with running(app) as url:
        for _ in range(5):
            assert web.get(url).content == b"ok"
    assert len(set(peers)) == 1


def test_neither_cookies_nor_netrc_nor_more_than_needed_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, web: Web
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    seen: list[dict[str, str]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append({k.decode(): v.decode() for k, v in scope["headers"]})
        lines = [(b"content-length", b"0"), (b"set-cookie", b"a=b; Path=/")]
        await send({"type": "http.response.start", "status": 200, "headers": lines})
        await send({"type": "http.response.body", "body": b""})

    with running(app) as url:
        for _ in range(2):
            web.get(url, headers={"X-Key": "k"})
    for headers in seen:
        assert set(headers) <= {"host", "accept-encoding", "user-agent", "x-key", "connection"}
        assert headers["accept-encoding"] == "identity"
        assert headers["x-key"] == "k"


# what may be asked

ALLOWED = Policy(hosts=("a.org", "*.blob.example"))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://a.org/x.tif", ""),
        ("https://A.ORG:443/x.tif?y=1", ""),
        ("https://s1.blob.example/x", ""),
        ("https://deep.s1.BLOB.example/x", ""),
        ("https://blob.example/x", "host"),
        ("https://evilblob.example/x", "host"),
        ("https://.blob.example/x", "host"),
        ("https://a.org.evil.example/x", "host"),
        ("https://a.org./x", "host"),
        ("https://b.org/x", "host"),
        ("https://b.org/https://a.org/", "host"),
        ("https://b.org#@a.org/", "host"),
        ("https://127.0.0.1/x", "host"),
        ("https://[::1]/x", "host"),
        ("https:///x", "host"),
        ("http://a.org/x", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("/etc/passwd", "scheme"),
        ("s3://a.org/x", "scheme"),
        ("ftp://a.org/x", "scheme"),
        ("/vsicurl/https://a.org/x", "scheme"),
        ("https://me@a.org/x", "user name"),
        ("https://me:secret@a.org/x", "user name"),
        ("https://a.org@b.org/x", "user name"),
        ("https://a.org\\@b.org/x", "signs"),
        ("https://a.org/x\r\nHost: b.org", "signs"),
        ("https://a.org/x y", "signs"),
        ("https://a.org:8443/x", "port"),
        ("https://a.org:0x/x", "no address"),
        ("https://[a.org/x", "no address"),
        ("", "scheme"),
    ],
)
def test_only_listed_hosts_over_https_may_be_asked(url: str, says: str) -> None:
    assert says in problem(url, ALLOWED)
    assert bool(says) == bool(problem(url, ALLOWED))
    if says:
        with Web(ALLOWED) as web:
            failed(lambda: web.get(url), SceneError)


def test_a_server_of_one_s_own_may_have_any_port_and_no_encryption() -> None:
    own = Policy(hosts=("10.0.0.7", "files.lan"), private=True)
    assert problem("http://10.0.0.7:9000/x", own) == ""
    assert problem("https://files.lan:8443/x", own) == ""
    assert problem("http://10.0.0.8:9000/x", own)
    assert problem("file://files.lan/x", own)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("64:ff9b::808:808", True),
        ("127.0.0.1", False),
        ("127.8.9.1", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("240.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::a00:1", False),
        ("2002:7f00:1::", False),
        ("2001:db8::1", False),
    ],
)
def test_what_is_a_public_address(address: str, expected: bool) -> None:
    assert public(address) == expected


def test_a_listed_name_that_leads_home_is_not_dialled() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        with Web(Policy(hosts=("localhost",))) as web:
            error = failed(lambda: web.get(f"https://localhost/x?sig={SECRET}"))
            assert "no public address" in error.message
        pool = web._adapter.poolmanager.connection_from_host("localhost", listener.getsockname()[1], "https")
        with pytest.raises(SourceError, match="no public address"):
            pool.request("GET", "/", retries=False)
        pool.close()
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_connection_to_a_host_that_is_not_listed_is_not_opened_whatever_led_to_it(server: FileServer) -> None:
    with Web(Policy(hosts=("example.org",), private=True)) as web:
        request = requests.Request("GET", f"{server.url}/a.tif").prepare()
        with pytest.raises(SourceError, match="not among the hosts allowed"):
            web._adapter.send(request)
    assert server.requests == []


def test_behind_a_proxy_names_are_still_checked(
    server: FileServer, web: Web, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url)
    with Web(Policy(hosts=("example.org",), private=True), sleep=clock) as behind:
        failed(lambda: behind.get("http://example.org/a.tif"), SceneError)  # the stand-in for a proxy has no such file
        assert [r.path for r in server.requests] == ["http://example.org/a.tif"]
        failed(lambda: behind.get("http://example.com/a.tif"), SceneError)
        assert len(server.requests) == 1


# redirects


def test_a_redirect_within_the_policy_is_followed(server: FileServer, web: Web) -> None:
    server.faults.append(Fault(Trouble.REDIRECT, path="/old", location="/a.tif?sig=1"))
    body = web.get(f"{server.url}/old", start=5, length=10)
    assert body.content == CONTENT[5:15]
    assert [r.path for r in server.requests] == ["/old", "/a.tif"]


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("file:///etc/passwd", "scheme"),
        ("http://169.254.169.254/latest/meta-data", "host"),
        ("http://localhost:1/x", "host"),
        ("//evil.example/x", "host"),
        ("http://me@127.0.0.1/x", "user name"),
        ("gopher://127.0.0.1/x", "scheme"),
        ("http://[::1", ""),
    ],
)
def test_a_redirect_that_leads_away_is_not_followed(
    server: FileServer, web: Web, clock: Clock, location: str, says: str
) -> None:
    server.faults.append(Fault(Trouble.REDIRECT, location=f"{location}?sig={SECRET}", times=None))
    error = failed(lambda: web.get(f"{server.url}/a.tif?sig={SECRET}"))
    assert says in error.message
    assert len(server.requests) == 1
    assert clock.waits == []


def test_redirects_end(server: FileServer, web: Web) -> None:
    server.faults.append(Fault(Trouble.REDIRECT, location="/a.tif", times=None))
    assert "redirected more than 3 times" in failed(lambda: web.get(f"{server.url}/a.tif")).message
    assert len(server.requests) == 4


def test_a_key_is_not_handed_on_to_another_host(server: FileServer) -> None:
    with serve(server.folder) as other, Web(OURS) as web:
        server.faults.append(Fault(Trouble.REDIRECT, location=f"{other.url}/a.tif"))
        web.get(f"{server.url}/a.tif", start=3, length=4, headers={"Authorization": "Bearer x"})
        assert server.requests[0].headers["authorization"] == "Bearer x"
        assert "authorization" not in other.requests[0].headers
        assert other.requests[0].range == "bytes=3-6"


@contextmanager
def over_tls(folder: Path, location: str = "") -> Iterator[tuple[str, Path]]:
    """A server with a certificate for "localhost" that answers "ok" or redirects; its address and the certificate."""
    openssl = shutil.which("openssl")
    assert openssl, "install openssl"
    key, certificate = folder / "key.pem", folder / "cert.pem"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([openssl, *words, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    head = f"302 Found\r\nLocation: {location}" if location else "200 OK"
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                with plain:
                    try:
                        with context.wrap_socket(plain, server_side=True) as client:
                            client.recv(10_000)
                            client.sendall(
                                f"HTTP/1.1 {head}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".encode()
                            )
                    except OSError:
                        continue

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"localhost:{listener.getsockname()[1]}", certificate
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_certificates_are_checked_against_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    with over_tls(tmp_path) as (place, certificate):
        policy = Policy(hosts=("localhost", "127.0.0.1"), private=True, attempts=2)
        with Web(policy, sleep=clock) as web:
            assert "certificate" in failed(lambda: web.get(f"https://{place}/x?sig={SECRET}")).message
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with Web(policy, sleep=clock) as web:
            assert web.get(f"https://{place}/x").content == b"ok"
            other = place.replace("localhost", "127.0.0.1")
            assert "certificate" in failed(lambda: web.get(f"https://{other}/x")).message


def test_encryption_is_not_given_up_by_a_redirect(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with over_tls(tmp_path, location=f"{server.url}/a.tif") as (place, certificate):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with Web(Policy(hosts=("localhost", "127.0.0.1"), private=True)) as web:
            assert "not be encrypted" in failed(lambda: web.get(f"https://{place}/x")).message
    assert server.requests == []


# what goes wrong


@pytest.mark.parametrize(
    ("status", "kind", "asked"),
    [
        (400, SourceError, 1),
        (401, Refused, 1),
        (403, Refused, 1),
        (404, SceneError, 1),
        (410, SceneError, 1),
        (416, PastEnd, 1),
        (304, SourceError, 1),
        (408, SourceError, 4),
        (429, SourceError, 4),
        (500, SourceError, 4),
        (502, SourceError, 4),
        (503, SourceError, 4),
        (504, SourceError, 4),
    ],
)
def test_what_a_status_means(
    server: FileServer, web: Web, clock: Clock, status: int, kind: type[SourceError], asked: int
) -> None:
    server.faults.append(Fault(Trouble.STATUS, status=status, times=None))
    error = failed(lambda: web.get(f"{server.url}/a.tif?sig={SECRET}", start=0, length=10), kind)
    assert f"{server.url}/a.tif" in error.message
    assert len(server.requests) == asked
    assert len(clock.waits) == asked - 1


MENDED = {
    "busy": Fault(Trouble.STATUS, status=429, retry_after="2"),
    "down": Fault(Trouble.STATUS, status=503, times=3),
    "closed": Fault(Trouble.CLOSED, times=3),
    "cut": Fault(Trouble.CUT, times=3),
    "wrong range": Fault(Trouble.WRONG_RANGE, times=3),
    "no label": Fault(Trouble.NO_LABEL, times=3),
    "encoded": Fault(Trouble.ENCODED, times=3),
    "silent": Fault(Trouble.SILENT, seconds=1.0),
}


@pytest.mark.parametrize("name", MENDED)
def test_what_goes_wrong_now_and_then_is_asked_again(server: FileServer, web: Web, clock: Clock, name: str) -> None:
    fault = MENDED[name]
    times = fault.times
    server.faults.append(Fault(**vars(fault)))
    assert web.get(f"{server.url}/a.tif", start=1000, length=50_000).content == CONTENT[1000:51_000]
    assert len(clock.waits) == times
    assert clock.waits == sorted(clock.waits), "longer each time"


@pytest.mark.parametrize("name", MENDED)
def test_what_stays_wrong_is_an_error_of_the_source(server: FileServer, web: Web, name: str) -> None:
    server.faults.append(Fault(**vars(MENDED[name]) | {"times": None}))
    failed(lambda: web.get(f"{server.url}/a.tif?sig={SECRET}", start=1000, length=50_000))


@pytest.mark.parametrize("trouble", [Trouble.NO_LENGTH, Trouble.SLOW])
def test_what_is_only_odd_is_taken(server: FileServer, web: Web, clock: Clock, trouble: Trouble) -> None:
    server.faults.append(Fault(trouble, times=None))
    assert web.get(f"{server.url}/a.tif", start=1000, length=50_000).content == CONTENT[1000:51_000]
    assert web.get(f"{server.url}/a.tif").content == CONTENT
    assert clock.waits == []


def test_a_body_that_ends_early_without_a_stated_length_is_noticed(web: Web) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        lines = [(b"content-range", b"bytes 0-99/1000")]
        await send({"type": "http.response.start", "status": 206, "headers": lines})
        await send({"type": "http.response.body", "body": b"x" * 50})

    with running(app) as url:
        assert "breaks off" in failed(lambda: web.get(url, length=100)).message


def test_nobody_there_is_an_error_of_the_source(clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Web(OURS, sleep=clock) as web:
        failed(lambda: web.get(f"http://127.0.0.1:{port}/x?sig={SECRET}"))
    assert len(clock.waits) == OURS.attempts - 1


def test_a_name_that_does_not_exist(clock: Clock) -> None:
    with Web(Policy(hosts=("no-such-host.invalid",)), sleep=clock) as web:
        error = failed(lambda: web.get(f"https://no-such-host.invalid/x?sig={SECRET}"))
    assert "cannot be resolved" in error.message


# waiting


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_says_when_is_asked_then(server: FileServer, web: Web, clock: Clock, status: int) -> None:
    server.faults.append(Fault(Trouble.STATUS, status=status, retry_after="7"))
    web.get(f"{server.url}/a.tif")
    assert clock.waits == [7]


def test_a_date_to_wait_for_is_by_the_clock_of_the_server(server: FileServer, web: Web, clock: Clock) -> None:
    server.skew = timedelta(hours=9)
    then = format_datetime(datetime.now(UTC) + server.skew + timedelta(seconds=30), usegmt=True)
    server.faults.append(Fault(Trouble.STATUS, status=429, retry_after=then))
    web.get(f"{server.url}/a.tif")
    assert 25 <= clock.waits[0] <= 31


@pytest.mark.parametrize("asked", [str(int(LONGEST_WAIT) + 1), "3398", "Thu, 01 Jan 2099 00:00:00 GMT"])
def test_who_wants_us_to_wait_for_long_is_left_alone(server: FileServer, web: Web, clock: Clock, asked: str) -> None:
    server.faults.append(Fault(Trouble.STATUS, status=429, retry_after=asked, times=None))
    assert "to be asked again in" in failed(lambda: web.get(f"{server.url}/a.tif")).message
    assert clock.waits == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("asked", ["soon", "-5", "1e9", "nan", "", "Thu, 99 Jan 2099", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_wait_that_is_none_is_replaced_by_ours(server: FileServer, web: Web, clock: Clock, asked: str) -> None:
    server.faults.append(Fault(Trouble.STATUS, status=429, retry_after=asked))
    assert web.get(f"{server.url}/a.tif").content == CONTENT
    assert 0 < clock.waits[0] <= module.FIRST_WAIT


def answering(*answers: tuple[int, bytes]) -> ASGIApp:
    """An application that gives these, the last one for ever."""
    left = list(answers)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        status, body = left.pop(0) if len(left) > 1 else left[0]
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return app


def test_seconds_that_stand_only_in_the_text_are_found(web: Web, clock: Clock) -> None:
    text = json.dumps({"statusCode": 429, "message": "Rate limit is exceeded. Try again in 23 seconds."}).encode()
    with running(answering((429, text), (200, b"ok"))) as url:
        assert web.get(url).content == b"ok"
    assert clock.waits == [23]


def test_the_whole_of_it_is_bounded(server: FileServer, clock: Clock) -> None:
    server.faults.append(Fault(Trouble.STATUS, status=503, retry_after="40", times=None))
    with Web(Policy(hosts=("127.0.0.1",), private=True, total_s=30), sleep=clock) as web:
        failed(lambda: web.get(f"{server.url}/a.tif"))
    assert clock.waits == [], "it would be too late afterwards"


def test_a_body_that_comes_too_slowly_is_given_up(server: FileServer, clock: Clock) -> None:
    server.faults.append(Fault(Trouble.SLOW, seconds=4, times=None))
    with Web(Policy(hosts=("127.0.0.1",), private=True, total_s=0.6), sleep=clock) as web:
        failed(lambda: web.get(f"{server.url}/a.tif"))


def test_a_head_that_never_ends_is_given_up(clock: Clock) -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            client, _ = listener.accept()
            with client:
                client.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
                while not stop.wait(0.05):
                    try:
                        client.sendall(b"a")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        policy = Policy(hosts=("127.0.0.1",), private=True, attempts=1, total_s=0.5)
        with Web(policy, sleep=clock) as web:
            error = failed(lambda: web.get(f"http://127.0.0.1:{listener.getsockname()[1]}/x?sig={SECRET}"))
        assert "in time" in error.message
        stop.set()
        thread.join(5)


# sizes


def test_what_announces_to_be_too_large_is_not_read(server: FileServer, web: Web) -> None:
    error = failed(lambda: web.get(f"{server.url}/a.tif?sig={SECRET}", largest=1000), SceneError)
    assert "larger than 0.001 MB" in error.message
    failed(lambda: web.get(f"{server.url}/a.tif", start=0, length=2000, largest=1000), SceneError)
    assert len(server.requests) == 1


def test_of_what_announces_to_be_too_large_not_a_byte_is_awaited(web: Web) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000000000000")]})
        while (await receive())["type"] != "http.disconnect":
            continue

    with running(app) as url:
        failed(lambda: web.get(url), SceneError)


def test_what_turns_out_to_be_too_large_is_given_up(server: FileServer, web: Web) -> None:
    server.faults.append(Fault(Trouble.NO_LENGTH, times=None))
    failed(lambda: web.get(f"{server.url}/a.tif", largest=1000), SceneError)


def test_without_ranges_a_small_file_comes_whole(server: FileServer, web: Web) -> None:
    server.faults.append(Fault(Trouble.NO_RANGES))
    body = web.get(f"{server.url}/a.tif", start=1000, length=10)
    assert (body.content, body.start, body.total, body.status) == (CONTENT, 0, len(CONTENT), 200)


def test_without_ranges_a_large_file_is_refused(server: FileServer, web: Web) -> None:
    with (server.folder / "large.tif").open("wb") as file:
        file.truncate(module.LARGEST_WHOLE + 1)
    server.faults.append(Fault(Trouble.NO_RANGES))
    error = failed(lambda: web.get(f"{server.url}/large.tif", start=1000, length=10), SceneError)
    assert "knows no byte ranges" in error.message
    assert "64 MB" in error.message


# secrets


def test_addresses_are_shown_without_what_is_secret() -> None:
    assert shown(f"https://a.org/x/y.tif?sig={SECRET}#z") == "https://a.org/x/y.tif"
    assert shown(f"https://me:{SECRET}@a.org:1/x") == "https://a.org:1/x"
    assert shown("/x?y") == "/x"


def test_no_signature_reaches_a_log(
    server: FileServer, web: Web, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    caplog.set_level(logging.DEBUG)
    server.faults += [Fault(t) for t in (Trouble.CLOSED, Trouble.CUT)] + [Fault(Trouble.STATUS, status=503)]
    web.get(f"{server.url}/a.tif?sig={SECRET}")
    assert "GET /a.tif" in caplog.text
    assert SECRET not in caplog.text
    assert all(SECRET not in str(vars(r)) for r in caplog.records)
