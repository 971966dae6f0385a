"""Pages of docs/ made from the kept figures: docs/accuracy.md for the measures, docs/figures.md for all else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"
Figures = Mapping[str, Any]

SCORES = ("kappa", "pcc", "f1", "auc", "precision", "recall", "count_mae", "length_mae_m")
"""Columns of the table of labelled data."""

LONGEST = 8
"""Entries of a list that a page shows."""

COUNTS = ("pixels", "labels", "labelled", "ships", "scenes", "chips")

ACCURACY = {
    "accuracy": """## Labelled data

One parameter set for all data of a kind. Sets that do not belong to us are read where they lie; see their own terms.
Thresholds of the vessel detectors were chosen while looking at these very sets, so their figures are development
figures: expect somewhat less elsewhere. kappa, PCC and F1 of change maps are per pixel; vessels are matched one to one.
`alongside`: one optical image cannot tell a ship that touches a quay from the quay; the series against the empty berth
can.""",
    "false-alarms": """## False alarms of vessels, and ships found, on a simulated sea

Rate a pixel of the constant false-alarm rate test, nominal against measured, on simulated seas with known truth. What
the detector asks of a vessel on top (contrast, area, peak) makes false vessels much rarer than false pixels.""",
    "california": """## False changes on real radar without change

Sentinel-1 over California, no change on the ground is known: every hit is false. The rain of 2023-01-01 stands apart:
ground that brightens as a whole is weather and is told as such.""",
    "confirm": """## The life of changed ground

The confirmation step (`monitor/change/confirmation.py`) against the golden products of OPERA DIST-S1, fires in Chile
in February 2024: shares of pixels that are identical, bit by bit. The first date is the given start, and the metric is
passed through; on three dates nothing was seen. The same comparison with other parameters than those of the data, at
the end, shows that it can fail.""",
    "fields": """## Clouds and seasons on real optical series

Farmland in Flanders and Tanzania. Nothing here should raise an alert; harvests are real changes of single fields.""",
    "kernels": """## Speed and memory

Each beside the best peer that installs from PyPI, in the same run on the same machine.""",
}


def write(headings: Mapping[str, str]) -> None:
    """Renews both pages. `headings`: what each benchmark is about, by name."""
    kept = {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in sorted((DOCS / "figures").glob("*.json"))}
    _accuracy({n: k for n, k in kept.items() if n in ACCURACY})
    _figures({n: k for n, k in kept.items() if n not in ACCURACY}, headings)


def _accuracy(kept: Mapping[str, Any]) -> None:
    lines = ["# Accuracy", "", "Written by `python -m benchmarks NAME [DIR] --docs`; not by hand.", ""]
    for name, text in ACCURACY.items():
        if name not in kept:
            continue
        figures, command = kept[name]["figures"], f"`python -m benchmarks {name}`"
        lines += [*text.splitlines(), "", f"{command} ({kept[name]['machine']})", ""]
        lines += scores(figures) if name == "accuracy" else _tables(figures)
    (DOCS / "accuracy.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _figures(kept: Mapping[str, Any], headings: Mapping[str, str]) -> None:
    lines = ["# Figures", "", "Written by `python -m benchmarks NAME [DIR] --docs`; not by hand.", ""]
    lines += ["Those of the measures are in [accuracy](accuracy.md).", ""]
    for name, record in kept.items():
        lines += [f"## {name}", "", f"{headings[name].split(': ')[-1]} ({record['machine']})", ""]
        lines += _list(record["figures"])
    (DOCS / "figures.md").write_text("\n".join(lines), encoding="utf-8")


def scores(figures: Figures) -> list[str]:
    """One table: a row for each part that has a score."""
    lines = ["| set | " + " | ".join(SCORES) + " | of |", "|---" * (len(SCORES) + 2) + "|"]
    for name, part in _scored(figures):
        cells = ["" if part.get(s) is None else str(part[s]) for s in SCORES]
        counts = ", ".join(f"{part[c]} {c}" for c in COUNTS if c in part)
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {counts} |")
    return [*lines, ""]


def _scored(figures: Figures, before: str = "") -> Iterator[tuple[str, Figures]]:
    if any(s in figures for s in SCORES):
        yield before, figures
    for key, value in figures.items():
        if isinstance(value, Mapping):
            yield from _scored(value, f"{before} {key}".strip())


def _tables(figures: Figures, title: str = "") -> list[str]:
    """Tables of a nested set of figures: rows of rows of numbers become a table, the rest a list."""
    rows = {k: v for k, v in figures.items() if isinstance(v, Mapping)}
    plain = {k: v for k, v in figures.items() if k not in rows}
    lines = _list(plain, title) if plain else []
    if rows and all(_flat_row(v) for v in rows.values()):
        return lines + (_grid(rows, title) if _alike(rows) else _list(rows, title))
    for name, part in rows.items():
        lines += _tables(part, f"{title} {name}".strip())
    return lines


def _flat_row(part: Figures) -> bool:
    return not any(isinstance(v, Mapping) for v in part.values())


def _alike(rows: Mapping[str, Figures]) -> bool:
    """True if the rows have most of their columns in common."""
    every = {c for row in rows.values() for c in row}
    return all(2 * len(row) > len(every) for row in rows.values())


def _grid(rows: Mapping[str, Figures], title: str) -> list[str]:
    columns = list(dict.fromkeys(c for row in rows.values() for c in row))
    lines = [f"| {title} | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(_cell(row.get(c, "")) for c in columns) + " |" for name, row in rows.items()]
    return [*lines, ""]


def _list(figures: Figures, title: str = "figure") -> list[str]:
    rows = [f"| {key} | {_cell(value)} |" for key, value in _flat(figures)]
    return [f"| {title or 'figure'} | value |", "|---|---|", *rows, ""]


def _flat(figures: Figures, before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in figures.items():
        if isinstance(value, list) and len(value) > LONGEST:
            continue  # a series: it is in the JSON file
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield before + key, value


def _cell(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
