"""Calls that may block for hours, with an end to the waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from monitor.errors import QuaywatchError, SourceError

T = TypeVar("T")


def within(seconds: float, work: Callable[[threading.Event], T], *, what: str) -> T:
    """The result of `work`, which runs in a thread of its own.

    The event it is given is set when nobody waits any more: it must then start nothing new. The thread is a daemon,
    so that one which still sleeps does not keep the process alive.

    Raises:
        SourceError: there is no result after so many seconds.
    """
    given_up = threading.Event()
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work(given_up))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the result is waited for
            outcome.set_exception(error)

    threading.Thread(target=run, name=f"quaywatch: {what}", daemon=True).start()
    try:
        return outcome.result(timeout=seconds)
    except TimeoutError:
        raise SourceError(f"{what}: no end after {seconds:g} s", "Try again later; the service is slow.") from None
    except QuaywatchError as error:
        # The frames of the library hold tokens in their variables, the errors before this one the requests.
        error.__context__ = None
        raise error.with_traceback(None) from None
    finally:
        given_up.set()
