"""Tokens of Planetary Computer's storage: asked for once a container, renewed in time, never shown."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from servers.stac import Fault, TokenServer, serve_tokens

from monitor.errors import SceneError, SourceError
from monitor.sources.signing import MARGIN_S, WITHOUT_CLOCK_S, PlanetaryComputer
from monitor.sources.web import Policy, Web

RED = "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/60/V/UK/B04.tif"
RADAR = "https://sentinel1euwestrtc.blob.core.windows.net/sentinel1-grd-rtc/GRD/vv.tif"


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def signing(
    *, key: str = "", sleeps: list[float] | None = None, hosts: tuple[str, ...] | None = None, **settings: Any
) -> Iterator[tuple[PlanetaryComputer, TokenServer, Clock]]:
    clock, slept = Clock(), [] if sleeps is None else sleeps
    policy = Policy(hosts=("127.0.0.1",), private=True, connect_s=2, read_s=2)
    more = {} if hosts is None else {"hosts": hosts}
    with serve_tokens(**settings) as server, Web(policy, sleep=slept.append) as web:
        yield PlanetaryComputer(web, service=server.url, key=key, clock=clock, **more), server, clock


def asked(server: TokenServer) -> list[str]:
    return [r[1] for r in server.requests]


def test_an_address_gets_the_token_of_its_container_which_is_asked_for_once() -> None:
    with signing() as (sign, server, _):
        for _ in range(3):
            assert sign(RED, False) == f"{RED}?{server.tokens[0]}"
        assert asked(server) == ["/v1/token/sentinel2l2a01/sentinel2-l2"]
        assert sign(RED + "?a=b", False) == f"{RED}?a=b&{server.tokens[0]}"
        assert sign(RADAR, False) == f"{RADAR}?{server.tokens[1]}"
        assert asked(server)[1:] == ["/v1/token/sentinel1euwestrtc/sentinel1-grd-rtc"]


@pytest.mark.parametrize(
    "url",
    [
        "https://sentinel-cogs.s3.us-west-2.amazonaws.com/a/b.tif",
        "https://blob.core.windows.net/a/b.tif",
        "https://x.blob.core.windows.net.evil.example/a/b.tif",
        "https://evil.example/?x.blob.core.windows.net/a",
        "https://x.blob.core.windows.net",
    ],
)
def test_other_addresses_are_passed_on_as_they_are(url: str) -> None:
    with signing() as (sign, server, _):
        assert sign(url, False) == sign(url, True) == url
        assert asked(server) == []


def test_a_configured_host_is_signed_instead() -> None:
    with signing(hosts=("127.0.0.1",)) as (sign, server, _):
        assert sign("http://127.0.0.1:9/box/a.tif", False).endswith(server.tokens[0])
        assert asked(server) == ["/v1/token/127.0.0.1/box"]
        assert sign(RED, False) == RED


@pytest.mark.parametrize("skew", [timedelta(0), timedelta(hours=-7), timedelta(days=400)], ids=str)
def test_a_token_is_renewed_before_it_runs_out_whatever_the_clocks_say(skew: timedelta) -> None:
    with signing(life_s=3600, skew=skew) as (sign, server, clock):
        first = sign(RED, False)
        clock.now += 3600 - MARGIN_S - 5
        assert sign(RED, False) == first
        clock.now += 10
        assert sign(RED, False) != first
        assert len(server.tokens) == 2


def test_without_a_clock_at_the_service_a_token_is_used_for_minutes() -> None:
    with signing(dated=False, skew=timedelta(days=-400)) as (sign, server, clock):
        sign(RED, False)
        clock.now += WITHOUT_CLOCK_S - 1
        sign(RED, False)
        assert len(server.tokens) == 1
        clock.now += 2
        sign(RED, False)
        assert len(server.tokens) == 2


def test_a_token_of_a_short_life_is_used_once() -> None:
    with signing(life_s=MARGIN_S / 2) as (sign, _, _):
        assert sign(RED, False) != sign(RED, False)


def test_a_token_that_was_refused_is_renewed_at_once() -> None:
    with signing() as (sign, server, _):
        first = sign(RED, False)
        assert sign(RED, True) != first
        assert sign(RED, False) == f"{RED}?{server.tokens[1]}"
        assert sign(RED, True) == f"{RED}?{server.tokens[2]}"


def test_threads_whose_token_was_refused_together_renew_it_once() -> None:
    with signing() as (sign, server, _), ThreadPoolExecutor(8) as pool:
        start = threading.Barrier(8)

        def work(_: int) -> tuple[str, str]:
            start.wait()
            first = sign(RED, False)
            start.wait()  # all have been given the first
            return first, sign(RED, True)

        given = list(pool.map(work, range(8)))
        assert {first for first, _ in given} == {f"{RED}?{server.tokens[0]}"}
        assert {second for _, second in given} == {f"{RED}?{server.tokens[1]}"}
        assert len(server.tokens) == 2


# a service that has its moods


def test_being_asked_to_wait_in_words_is_heeded() -> None:
    """As recorded: the seconds stand in the text alone."""
    body = json.dumps({"statusCode": 429, "message": "Rate limit is exceeded. Try again in 23 seconds."}).encode()
    sleeps: list[float] = []
    with signing(sleeps=sleeps) as (sign, server, _):
        server.faults.append(Fault(path="", status=429, body=body))
        assert sign(RED, False).endswith(server.tokens[0])
    assert sleeps == [23]


def test_being_asked_to_wait_for_hours_is_not() -> None:
    body = b'{"message": "Rate limit is exceeded. Try again in 86400 seconds."}'
    sleeps: list[float] = []
    with signing(sleeps=sleeps) as (sign, server, _):
        server.faults.append(Fault(path="", status=429, body=body, times=None))
        with pytest.raises(SourceError, match="429"):
            sign(RED, False)
    assert sum(sleeps) < 300


def test_a_service_that_is_down_for_a_moment_is_asked_again() -> None:
    with signing() as (sign, server, _):
        server.faults.append(Fault(path="", status=503, times=2))
        assert sign(RED, False).endswith(server.tokens[0])
        server.faults.append(Fault(path="", status=503, times=None))
        with pytest.raises(SourceError, match="503") as caught:
            sign(RED, True)
        assert not isinstance(caught.value, SceneError)


def test_a_collection_that_needs_a_key_says_so() -> None:
    with signing(sign=lambda: "x") as (sign, server, _):
        server.key = "s3cret"
        with pytest.raises(SourceError, match="only with a subscription key") as caught:
            sign(RADAR, False)
        assert "ours" not in caught.value.message
        assert "key_env" in caught.value.hint
        assert "sentinel1euwestrtc/sentinel1-grd-rtc" in caught.value.message


def test_a_key_is_sent_and_never_shown() -> None:
    with signing(key="s3cret") as (sign, server, _):
        server.key = "s3cret"
        sign(RADAR, False)
        shown = repr(sign) + repr(vars(sign)["_tokens"])
        assert "sig=" not in shown
        assert "s3cret" not in repr(sign)
        server.key = "another"
        with pytest.raises(SourceError, match="ours was refused") as caught:
            sign(RADAR, True)
        assert "s3cret" not in str(caught.value) + repr(caught.value.__cause__)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"token": "sig=x"}',
        b'{"token": "sig=x", "msft:expiry": "soon"}',
        b'{"token": "", "msft:expiry": "2100-01-01T00:00:00Z"}',
        b'{"token": "sig=SECRET", "msft:expiry": "2001-01-01T00:00:00Z"}',
    ],
    ids=["empty", "html", "list", "nothing", "no expiry", "words", "empty token", "run out"],
)
def test_answers_that_hold_no_token(body: bytes) -> None:
    with signing() as (sign, server, _):
        server.faults.append(Fault(path="", body=body, times=None))
        with pytest.raises(SourceError, match=r"no token|run out") as caught:
            sign(RED, False)
        assert not isinstance(caught.value, SceneError)
        assert "SECRET" not in str(caught.value)


def test_a_container_that_the_service_does_not_know() -> None:
    with signing() as (sign, server, _):
        server.faults.append(Fault(path="", status=404, times=None))
        with pytest.raises(SourceError, match="does not know") as caught:
            sign(RED, False)
        assert not isinstance(caught.value, SceneError), "the scene may be sound"
