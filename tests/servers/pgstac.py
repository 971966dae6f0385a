"""A STAC API as Planetary Computer and Copernicus Data Space run it: stac-fastapi-pgstac on PostgreSQL with PostGIS.

The database is made in a temporary folder and goes with it. The machine's own clusters are not touched.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from servers.process import NotInstalled, free_ports, listening, run, running, user

ROOT = Path(__file__).parent.parent.parent
VENV = ROOT / ".venv-servers" / "bin"
CONTROL = "postgresql/*/extension/postgis.control"
NAME = "stac"

FASTER = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "32MB",
    "max_connections": "20",
    "jit": "off",
}
"""Settings of a database that nobody will miss."""


@dataclass(frozen=True, kw_only=True)
class Pgstac:
    """A running STAC API and the way behind it, into its database."""

    address: str
    """Of the landing page: http://127.0.0.1:43121."""

    folder: Path = field(repr=False)
    binaries: Path = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    """How the programs of PostgreSQL find the database."""

    def collection(self, name: str) -> None:
        """Adds an empty collection."""
        self._call(
            "create_collection",
            {
                "type": "Collection",
                "stac_version": "1.0.0",
                "id": name,
                "description": name,
                "license": "proprietary",
                "links": [],
                "extent": {
                    "spatial": {"bbox": [[-180, -90, 180, 90]]},
                    "temporal": {"interval": [["2015-06-23T00:00:00Z", None]]},
                },
            },
        )

    def upsert(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Adds items; those with a known id take its place."""
        self._call("upsert_items", list(items))

    def delete(self, identity: str, collection: str) -> None:
        """Withdraws an item."""
        self._sql(f"select delete_item('{identity}', '{collection}')")

    def _call(self, function: str, content: object) -> None:
        self._sql(f"select {function}($content${json.dumps(content)}$content$::jsonb)")

    def _sql(self, statement: str) -> None:
        script = self.folder / "statement.sql"
        script.write_text(statement)
        psql: list[str | Path] = [
            self.binaries / "psql",
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            f"--file={script}",
        ]
        run(psql, environment=self.environment, folder=self.folder)


def _postgresql() -> Path:
    """Folder of the programs of the newest PostgreSQL that has PostGIS.

    Raises:
        NotInstalled: there is none.
    """
    releases = [control.parent.parent.name for control in Path("/usr/share").glob(CONTROL)]
    for release in sorted(releases, key=float, reverse=True):
        binaries = Path("/usr/lib/postgresql") / release / "bin"
        if (binaries / "initdb").exists():
            return binaries
    raise NotInstalled("no PostgreSQL with PostGIS")


def _stac_fastapi() -> Path:
    """The Python that has the STAC API.

    Raises:
        NotInstalled: there is none.
    """
    if not (VENV.parent / ".ready").exists():
        raise NotInstalled(f"no STAC API in {VENV.parent.name}")
    return VENV / "python"


@contextmanager
def _database(folder: Path, binaries: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """An empty database, as `environment` describes it, until the end of the block."""
    password = folder / "password"
    password.write_text(environment["PGPASSWORD"])
    cluster = folder / "cluster"
    owner = user(unprivileged=True)
    if owner is not None:
        shutil.chown(folder, owner, owner)
        shutil.chown(password, owner, owner)
    make: list[str | Path] = [
        binaries / "initdb",
        f"--pgdata={cluster}",
        f"--username={environment['PGUSER']}",
        "--no-sync",
    ]
    access = ["--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8", "--no-locale"]
    run([*make, *access], environment=environment, folder=folder, unprivileged=True)
    place = {"listen_addresses": "127.0.0.1", "port": environment["PGPORT"], "unix_socket_directories": str(folder)}
    settings = [f"-c{key}={value}" for key, value in {**FASTER, **place}.items()]
    with running(
        [binaries / "postgres", f"-D{cluster}", *settings],
        ready=lambda: _accepts(binaries, environment, folder),
        environment=environment,
        folder=folder,
        stop=signal.SIGINT,  # "fast": sessions are cut off, files are closed
        unprivileged=True,
    ):
        run([binaries / "createdb", NAME], environment=environment, folder=folder)
        yield


def _accepts(binaries: Path, environment: Mapping[str, str], folder: Path) -> bool:
    try:
        run([binaries / "pg_isready", "--quiet"], environment=environment, folder=folder)
    except RuntimeError:
        return False
    return True


@contextmanager
def pgstac() -> Iterator[Pgstac]:
    """An empty STAC API, until the end of the block.

    Raises:
        NotInstalled: a part of it is missing on this machine.
    """
    binaries, python = _postgresql(), _stac_fastapi()
    with tempfile.TemporaryDirectory(prefix="quaywatch-pgstac-") as name:
        folder = Path(name)
        database_port, port = free_ports(2)
        environment = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(database_port),
            "PGUSER": "owner",
            "PGPASSWORD": secrets.token_hex(16),
            "PGDATABASE": NAME,
            "PGOPTIONS": "-csearch_path=pgstac,public",
        }
        with _database(folder, binaries, environment):
            run([VENV / "pypgstac", "migrate"], environment=environment, folder=folder)
            with running(
                [
                    python,
                    "-m",
                    "uvicorn",
                    "--factory",
                    "stac_fastapi.pgstac.app:create_app",
                    f"--port={port}",
                    "--no-access-log",
                ],
                ready=lambda: listening(port),
                environment={**environment, "DB_MAX_CONN_SIZE": "4"},
                folder=folder,
            ):
                address = f"http://127.0.0.1:{port}"
                requests.get(f"{address}/conformance", timeout=30).raise_for_status()
                yield Pgstac(address=address, folder=folder, binaries=binaries, environment=environment)
