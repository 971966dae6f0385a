"""Programs that a test starts and ends itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

UNPRIVILEGED = "postgres"
"""Who runs a program that refuses root. The user comes with Debian's package."""


class NotInstalled(Exception):
    """A program is missing on this machine; `tests/servers/install` brings it."""


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nobody listens on at this moment."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def listening(port: int) -> bool:
    """True if somebody accepts connections on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def user(*, unprivileged: bool) -> str | None:
    """The user to run as: None for our own, which root leaves where a program must not have its rights."""
    return UNPRIVILEGED if unprivileged and os.geteuid() == 0 else None


def run(argv: Sequence[str | Path], *, environment: Mapping[str, str], folder: Path, unprivileged: bool = False) -> str:
    """Runs a program to its end and gives what it printed.

    Raises:
        RuntimeError: it failed; with its last words.
    """
    who = user(unprivileged=unprivileged)
    done = subprocess.run(
        argv,
        check=False,
        cwd=folder,
        env=dict(environment),
        text=True,
        capture_output=True,
        timeout=120,
        user=who,
        group=who,
        extra_groups=None if who is None else [],
    )
    if done.returncode:
        raise RuntimeError(f"{argv[0]} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


@contextmanager
def running(
    argv: Sequence[str | Path],
    *,
    ready: Callable[[], bool],
    environment: Mapping[str, str],
    folder: Path,
    stop: signal.Signals = signal.SIGTERM,
    unprivileged: bool = False,
    seconds: float = 60,
) -> Iterator[None]:
    """A program that serves until the end of the block; it has `seconds` to get ready, and is then asked to `stop`.

    Raises:
        RuntimeError: it ended, or did not get ready in time; with its last words.
    """
    who = user(unprivileged=unprivileged)
    log = folder / f"{Path(argv[0]).name}.log"
    with log.open("w") as out:
        program = subprocess.Popen(
            argv,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            user=who,
            group=who,
            extra_groups=None if who is None else [],
        )
    try:
        deadline = time.monotonic() + seconds
        while not ready():
            if program.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{argv[0]} did not get ready:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        program.send_signal(stop)
        try:
            program.wait(20)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
