"""Runs a benchmark; the last line it prints is one JSON object of figures.

`--docs` also writes the figures into docs/figures/NAME.json and renews the pages made from all of them.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
from pathlib import Path

from benchmarks import pages

BENCHMARKS = {
    "startup": "time of --help and of a check on a cached AOI",
    "backfill": "DIR: a whole back-fill of a folder laid out like shared/data/latakia",
    "quiet": "DIR: alerts on the ship-free sea and the unchanged suburb of shared/data/california-rtc",
    "reads": "requests, bytes and time of windows read over HTTP, ours and plain rasterio",
    "archive": "DIR: error, size and time of looks kept in 16 bits, of a folder such as shared/data/california-rtc",
    "faults": "a month of 50 AOIs in which 30 % of all requests fail: looks that arrive, once and right, and units",
    "accuracy": "DIR: every labelled set below a folder, found by its files: change maps and vessels",
    "false-alarms": "nominal against measured false alarms on a simulated sea, and ships found on it",
    "confirm": "DIR: the life of changed ground against the golden products of shared/data/chile-fire",
    "california": "DIR: nominal against measured false changes on shared/data/california-rtc",
    "fields": "DIR: clouds and seasons on the optical series of shared/data/fields",
    "kernels": "speed and memory of the kernels, beside peers from PyPI (benchmarks/peers/install)",
    "alarms": "false alarms, delay and intervals of simulated series beside peers; --dir DIR: what real counts show",
    "update": "seconds for one new look of each of 10,000 series",
    "claims": "outcomes of claims about simulated ports of which the truth is known: 500 of each truth",
    "tamper": "one byte changed at a time in log and evidence: is it found, and do copied bundles replay?",
    "demo": "wall time of the demo, and what it finds of what was planted",
}
MAY_HAVE_FOLDER = frozenset({"alarms"})
"""With a folder the figures are others, and kept as NAME-dir."""

NEED_FOLDER = frozenset({"accuracy", "archive", "backfill", "california", "confirm", "fields", "quiet"})


def main() -> None:
    """Parses the command line and runs one benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(BENCHMARKS))
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--dir", type=Path, help="the folder, named")
    parser.add_argument("--json", action="store_true", help="nothing but the figures")
    parser.add_argument("--docs", action="store_true", help="write them into docs/ as well")
    parser.add_argument("--pictures", type=Path, help="folder for pictures, where a benchmark draws some")
    given = parser.parse_args()
    given.folder = given.dir or given.folder
    if given.name is None:
        for name, what in BENCHMARKS.items():
            print(f"{name:14} {what}")
        return
    module = importlib.import_module(f"benchmarks.{given.name.replace('-', '_')}")
    if given.name in NEED_FOLDER and given.folder is None:
        parser.error(f"{given.name} needs a folder: {BENCHMARKS[given.name]}")
    if given.folder is not None and not given.folder.is_dir():
        parser.error(f"{given.folder} is no folder")
    figures = module.run(given.folder, given.pictures or _own_pictures(given))
    if not given.json:
        print(module.table(figures) if hasattr(module, "table") else _listed(figures))
    if given.docs:
        other = given.folder is not None and given.name in MAY_HAVE_FOLDER
        write_docs(f"{given.name}-dir" if other else given.name, figures)
    print(json.dumps(figures))


def _listed(figures: dict[str, object]) -> str:
    return "\n".join(f"{key:28} {value}" for key, value in figures.items())


def _own_pictures(given: argparse.Namespace) -> Path | None:
    """Pictures of the simulation belong to the docs; pictures of other people's imagery do not."""
    return pages.DOCS / "pictures" if given.docs and given.name == "demo" else None


def write_docs(name: str, figures: dict[str, object]) -> None:
    """Keeps the figures and renews the pages that show all of them."""
    folder = pages.DOCS / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    record = {"machine": f"{platform.machine()}, Python {platform.python_version()}", "figures": figures}
    (folder / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    pages.write(BENCHMARKS)


if __name__ == "__main__":
    main()
