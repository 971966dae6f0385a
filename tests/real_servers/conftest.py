"""The servers: started once, ended with the run. Without them the tests are skipped and say so; in CI they fail."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import TypeVar

import pytest
from servers.nginx import Nginx, flaky_front, nginx
from servers.pgstac import Pgstac, pgstac
from servers.process import NotInstalled

Server = TypeVar("Server")


def _entered(stack: ExitStack, server: AbstractContextManager[Server]) -> Server:
    try:
        return stack.enter_context(server)
    except NotInstalled as missing:
        why = f"{missing}: run tests/servers/install"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)


@pytest.fixture(scope="session")
def stac() -> Iterator[Pgstac]:
    """An empty STAC API. Each test brings collections of its own."""
    with ExitStack() as stack:
        yield _entered(stack, pgstac())


@pytest.fixture(scope="session")
def store() -> Iterator[Nginx]:
    """Web servers for one folder of files, faulty ones among them."""
    with ExitStack() as stack:
        yield _entered(stack, nginx())


@pytest.fixture
def gateway() -> Iterator[Callable[[str], str]]:
    """gateway(address): the address of a gateway before that server that fails every third time."""
    with ExitStack() as stack:
        yield lambda upstream: _entered(stack, flaky_front(upstream))
