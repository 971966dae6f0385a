"""The workspace: one folder with config.toml, aois/, alerts/ and var/. Finds, reads, checks, locks and makes it."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from monitor.aoi import Aoi
from monitor.config import Config, Environ, read_config
from monitor.errors import AoiError, WorkspaceError
from monitor.outlines import LARGEST_FILE, ad_hoc, read_aoi, read_outline

__all__ = ["CONFIG", "LARGEST_FILE", "Lock", "Workspace", "ad_hoc", "check_writable", "find", "init", "read_outline"]

CONFIG = "config.toml"


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A folder that is watched from."""

    root: Path
    """Absolute."""

    config: Config

    @property
    def state(self) -> Path:
        """Folder of what the tool remembers; git-ignored."""
        return self.root / self.config.state

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.state / "quaywatch.sqlite"

    @property
    def archive(self) -> Path:
        """Folder of the pixels of all looks."""
        return self.state / "archive"

    @property
    def cache(self) -> Path:
        """Folder of what can be fetched again at any time."""
        return self.state / "cache"

    @property
    def reports(self) -> Path:
        """Folder of HTML reports."""
        return self.state / "reports"

    @property
    def log_folder(self) -> Path:
        """Folder of the hash-chained alert log."""
        return self.root / "alerts" / "log"

    @property
    def evidence(self) -> Path:
        """Folder of the pixels and pictures behind alerts."""
        return self.root / "alerts" / "evidence"

    def aoi_files(self) -> list[Path]:
        """The outlines, in order of their names."""
        return _visible(self.root / "aois", "*.geojson")

    def narrative_files(self) -> list[Path]:
        """Documents, claims and expectations, in order of their names."""
        return _visible(self.root / "alerts" / "narrative", "*.toml")

    def aois(self) -> dict[str, Aoi]:
        """The AOIs by id; empty if there is no file in aois/.

        Raises:
            AoiError: a file is not as it should be, or two have the same id; names the file.
        """
        found: dict[str, Aoi] = {}
        files: dict[str, str] = {}
        for path in self.aoi_files():
            where = self.display(path)
            aoi = read_aoi(path, where)
            if aoi.id in found:
                raise AoiError(f"{where}: the id {aoi.id!r} is also in {files[aoi.id]}", "Give one of them another id.")
            found[aoi.id], files[aoi.id] = aoi, where
        return found

    def display(self, path: Path) -> str:
        """The path as a person would say it: from the workspace, where it is inside."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def check_writable(self) -> None:
        """Makes the folders the tool writes to, and tries each.

        Raises:
            WorkspaceError: one cannot be written; names it and the system's reason.
        """
        for folder in (self.state, self.log_folder, self.evidence):
            check_writable(folder)

    def lock(self) -> Lock:
        """To be held while a daemon runs here."""
        return Lock(self.state / "daemon.lock")


def find(start: Path | None, environ: Environ) -> Workspace:
    """The workspace of a folder: the folder itself or the nearest one above it with a config.toml.

    `start` None is the working folder.

    Raises:
        WorkspaceError: there is none.
        ConfigError: its config.toml is wrong.
    """
    folder = (start or Path()).absolute()
    if not folder.is_dir():
        raise WorkspaceError(f"{folder} is not a folder", "Name the folder that holds config.toml.")
    for candidate in (folder, *folder.parents):
        if (candidate / CONFIG).is_file():
            return Workspace(root=candidate, config=read_config(candidate / CONFIG, environ))
    raise WorkspaceError(
        f"no workspace: {folder} and the folders above it have no {CONFIG}",
        "Make one with `quaywatch init DIR`, or name it with --workspace DIR.",
    )


def _visible(folder: Path, pattern: str) -> list[Path]:
    """Without the hidden files that some systems drop beside real ones (._rajin.geojson)."""
    return sorted(p for p in folder.glob(pattern) if p.is_file() and not p.name.startswith("."))


def init(folder: Path) -> list[Path]:
    """Makes a workspace from the starter that comes with the package; gives the files written.

    A file that is there already stays as it is.

    Raises:
        WorkspaceError: the folder is a workspace already, or cannot be written.
    """
    if (folder / CONFIG).exists():
        raise WorkspaceError(f"{folder} is a workspace already", f"Edit {folder / CONFIG}, or name another folder.")
    starter = resources.files("monitor") / "starter"
    # config.toml comes last: an init that broke off can simply be run again.
    files = sorted(_files(starter), key=lambda pair: (pair[0] == Path(CONFIG), pair[0]))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [folder / name for name, source in files if _copied(source, folder / name)]
    except OSError as error:
        raise _unwritable(folder, error) from error


def _files(folder: Traversable, below: Path = Path()) -> Iterator[tuple[Path, Traversable]]:
    for entry in folder.iterdir():
        if entry.name in {"__pycache__", "__init__.py"}:
            continue
        if entry.is_dir():
            yield from _files(entry, below / entry.name)
        else:
            # Stored without the dot: a .gitignore inside the package would act on the package.
            yield below / (".gitignore" if entry.name == "gitignore" else entry.name), entry


def _copied(source: Traversable, target: Path) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("xb") as file:
            file.write(source.read_bytes())
    except FileExistsError:
        return False
    return True


def check_writable(folder: Path) -> None:
    """Makes the folder if need be and writes a file in it, which is removed again.

    Raises:
        WorkspaceError: that failed; names the folder and the system's reason.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".writable-") as file:
            file.write(b"quaywatch")
            file.flush()
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> WorkspaceError:
    reason = error.strerror or str(error)
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        hint = "Make room on the disk; nothing that was recorded is lost."
    elif error.errno in {errno.EEXIST, errno.ENOTDIR}:
        hint = "A file stands where the folder should be: move it away."
    else:
        hint = "Give this user the right to write there, or use another folder."
    return WorkspaceError(f"cannot write in {folder}: {reason}", hint)


class Lock:
    """Held while a daemon runs on a workspace; the kernel lets go of it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        """Takes nothing yet: that is done by `with`."""
        self.path = path
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        """Takes the lock.

        Raises:
            WorkspaceError: another process holds it, or the file cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self.path.open("a+", encoding="ascii", errors="replace")
        except OSError as error:
            raise _unwritable(self.path.parent, error) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
        except OSError as error:
            with file:
                raise self._refused(file, error) from error
        self._file = file
        return self

    def _refused(self, file: IO[str], error: OSError) -> WorkspaceError:
        if not isinstance(error, BlockingIOError):
            return _unwritable(self.path.parent, error)
        file.seek(0)
        pid = file.read(20).strip() or "unknown"
        return WorkspaceError(
            f"another daemon (pid {pid}) runs on this workspace ({self.path})", f"Stop it first: kill {pid}"
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The file stays: removing it would let two processes lock two files of the same name.
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None
